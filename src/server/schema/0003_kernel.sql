-- Where everything is, who holds it, and what needs a person's eye. Folded from the book; can be dropped and rebuilt.
-- `line` is the id of the line that is the origin of the row; a row without one cannot exist.

-- Every piece that a line names: the history of a unit, and what a refold reads.
CREATE TABLE touch (
    unit TEXT NOT NULL,
    corrected_us INTEGER NOT NULL,
    line BLOB NOT NULL,
    piece INTEGER NOT NULL,
    code TEXT NOT NULL,
    -- `receive` … `count`, `attempt`, `in`, `out`, `unknown`
    act TEXT NOT NULL,
    person_no INTEGER,
    station TEXT NOT NULL,
    read_point TEXT NOT NULL,
    document TEXT,
    PRIMARY KEY (unit, corrected_us, line, piece)
) STRICT;
CREATE INDEX touch_code ON touch (code);
CREATE INDEX touch_line ON touch (line);
CREATE INDEX touch_time ON touch (corrected_us, line, piece);

-- Double entry: what leaves one place arrives at another. Outside is a place too.
CREATE TABLE move (
    line BLOB NOT NULL,
    piece INTEGER NOT NULL,
    leg INTEGER NOT NULL,
    unit TEXT NOT NULL,
    from_place TEXT NOT NULL,
    to_place TEXT NOT NULL CHECK (from_place <> to_place),
    measure INTEGER NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    PRIMARY KEY (line, piece, leg)
) STRICT;
CREATE INDEX move_unit ON move (unit);

-- What is where: the sum of the moves. Rows of nothing do not exist.
CREATE TABLE balance (
    unit TEXT NOT NULL,
    place TEXT NOT NULL,
    measure INTEGER NOT NULL,
    amount INTEGER NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (unit, place, measure)
) STRICT;
CREATE INDEX balance_place ON balance (place, unit);

CREATE TABLE unit_state (
    unit TEXT PRIMARY KEY,
    -- Where a serialised unit is: a place, `person:7`, or a virtual place. Empty for a lot.
    place TEXT NOT NULL,
    -- Whether a person carries it by a check-out (1) or was only seen leaving with it (0).
    checked_out INTEGER NOT NULL CHECK (checked_out IN (0, 1)),
    seen_place TEXT NOT NULL,
    last_us INTEGER NOT NULL,
    last_line BLOB NOT NULL,
    last_piece INTEGER NOT NULL
) STRICT;
CREATE INDEX unit_state_place ON unit_state (place, unit);

-- Who held a serialised unit, from which line until which.
CREATE TABLE custody (
    unit TEXT NOT NULL,
    since_line BLOB NOT NULL,
    since_us INTEGER NOT NULL,
    person_no INTEGER NOT NULL,
    document TEXT,
    until_line BLOB,
    until_us INTEGER,
    PRIMARY KEY (unit, since_line)
) STRICT;
CREATE UNIQUE INDEX custody_open ON custody (unit) WHERE until_line IS NULL;
CREATE INDEX custody_person ON custody (person_no, unit);

-- unit: empty when the exception is about the line as a whole.
CREATE TABLE exception (
    line BLOB NOT NULL,
    reason TEXT NOT NULL,
    code TEXT NOT NULL,
    unit TEXT NOT NULL,
    corrected_us INTEGER NOT NULL,
    PRIMARY KEY (line, reason, code)
) STRICT;
CREATE INDEX exception_unit ON exception (unit);
CREATE INDEX exception_time ON exception (corrected_us, line, reason, code);

CREATE TABLE settlement (
    line BLOB NOT NULL,
    reason TEXT NOT NULL,
    code TEXT NOT NULL,
    note TEXT NOT NULL,
    person_no INTEGER,
    settled_us INTEGER NOT NULL,
    by_line BLOB NOT NULL,
    PRIMARY KEY (line, reason, code)
) STRICT;

-- Lines that were taken back, and the line that did it.
CREATE TABLE correction (
    line BLOB PRIMARY KEY,
    by_line BLOB NOT NULL
) STRICT;
