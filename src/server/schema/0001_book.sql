-- The central book: every line of every terminal and of the server itself, as it came. Nothing here is ever changed,
-- except the cursors, which only move forward.

-- The server's signing key. It lives here because replicas share it and a backup must hold it.
CREATE TABLE server_identity (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    secret BLOB NOT NULL CHECK (length(secret) = 32)
) STRICT;

-- The server's own books (terminal 0). A restored server starts a new one; cursor_base keeps record cursors rising.
CREATE TABLE server_book (
    ordinal INTEGER PRIMARY KEY,
    epoch BLOB NOT NULL UNIQUE CHECK (length(epoch) = 16),
    cursor_base INTEGER NOT NULL
) STRICT;

CREATE TABLE book (
    terminal_no INTEGER NOT NULL,
    epoch BLOB NOT NULL CHECK (length(epoch) = 16),
    next_seq INTEGER NOT NULL CHECK (next_seq >= 1),
    head BLOB NOT NULL CHECK (length(head) = 32),
    next_seal INTEGER NOT NULL CHECK (next_seal >= 1),
    sealed_seq INTEGER NOT NULL CHECK (sealed_seq < next_seq),
    seal_signature BLOB NOT NULL CHECK (length(seal_signature) = 64),
    -- Corrected time of the last line, and the clock offset in force after it.
    corrected_us INTEGER NOT NULL,
    offset_us INTEGER NOT NULL,
    receipt_last INTEGER NOT NULL,
    receipt_head BLOB NOT NULL,
    receipt_signature BLOB,
    since_us INTEGER NOT NULL,
    PRIMARY KEY (terminal_no, epoch)
) STRICT;

-- id: terminal (4 bytes, big-endian), epoch (16), seq (8, big-endian), so that bytes sort as books do.
-- position: arrival, from 1. It says nothing about when things happened.
CREATE TABLE line (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 28),
    at_us INTEGER NOT NULL,
    zone_min INTEGER NOT NULL,
    mono_us INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    schema_no INTEGER NOT NULL,
    body BLOB NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    corrected_us INTEGER NOT NULL,
    received_us INTEGER NOT NULL
) STRICT;

CREATE TABLE seal (
    terminal_no INTEGER NOT NULL,
    epoch BLOB NOT NULL,
    number INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    head BLOB NOT NULL,
    at_us INTEGER NOT NULL,
    signature BLOB NOT NULL,
    PRIMARY KEY (terminal_no, epoch, number)
) STRICT;

-- Keys that a book changed to, from the line that says so.
CREATE TABLE book_key (
    terminal_no INTEGER NOT NULL,
    epoch BLOB NOT NULL,
    from_seq INTEGER NOT NULL,
    public_key BLOB NOT NULL,
    PRIMARY KEY (terminal_no, epoch, from_seq)
) STRICT;

-- What cannot stand in the book: forks, and batches of terminals that are not trusted. Kept for a person to look at.
CREATE TABLE quarantine (
    hash BLOB PRIMARY KEY,
    terminal_no INTEGER NOT NULL,
    epoch BLOB NOT NULL,
    first_seq INTEGER NOT NULL,
    why TEXT NOT NULL,
    received_us INTEGER NOT NULL,
    batch BLOB NOT NULL
) STRICT;
CREATE INDEX quarantine_terminal ON quarantine (terminal_no);

-- What is wrong with a terminal's book, once per cause and line.
CREATE TABLE flag (
    terminal_no INTEGER NOT NULL,
    epoch BLOB NOT NULL,
    what TEXT NOT NULL,
    seq INTEGER NOT NULL,
    detail TEXT NOT NULL,
    since_us INTEGER NOT NULL,
    last_us INTEGER NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (terminal_no, epoch, what, seq)
) STRICT;

-- How a terminal is, as it last said. Not part of the book.
CREATE TABLE liveness (
    terminal_no INTEGER PRIMARY KEY,
    epoch BLOB NOT NULL,
    program TEXT NOT NULL,
    seen_us INTEGER NOT NULL,
    clock_us INTEGER NOT NULL,
    waiting INTEGER NOT NULL,
    down_cursor INTEGER NOT NULL,
    troubles TEXT NOT NULL
) STRICT;

-- Commands of people, so that one sent twice is carried out once.
CREATE TABLE command (
    command BLOB PRIMARY KEY CHECK (length(command) = 16),
    content BLOB NOT NULL,
    line BLOB NOT NULL,
    position INTEGER NOT NULL
) STRICT;

-- One-time codes for new terminals: only the hash is kept.
CREATE TABLE enrolment_code (
    hash BLOB PRIMARY KEY,
    made_by INTEGER,
    until_us INTEGER NOT NULL,
    used_key BLOB,
    terminal_no INTEGER
) STRICT;
