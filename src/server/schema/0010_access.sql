-- Who may come in. Not part of the book: names are here, and here only, so that a person can be erased.
CREATE TABLE login (
    name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
    -- PHC string of argon2id.
    password TEXT NOT NULL,
    -- Sum of the bits of access::Role.
    roles INTEGER NOT NULL CHECK (roles > 0),
    -- Number of the person whose acts these are; none for an administrator who touches no goods.
    person INTEGER,
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    since_us INTEGER NOT NULL
) STRICT;

CREATE TABLE login_session (
    -- BLAKE3 of the token in the cookie: whoever reads this table cannot come in with it.
    token_hash BLOB PRIMARY KEY CHECK (length(token_hash) = 32),
    login TEXT NOT NULL REFERENCES login (name),
    since_us INTEGER NOT NULL,
    until_us INTEGER NOT NULL
) STRICT;

CREATE INDEX login_session_until ON login_session (until_us);

CREATE TABLE access_token (
    number INTEGER PRIMARY KEY,
    token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    label TEXT NOT NULL CHECK (length(label) BETWEEN 1 AND 64),
    roles INTEGER NOT NULL CHECK (roles > 0),
    made_by TEXT NOT NULL,
    since_us INTEGER NOT NULL,
    revoked_us INTEGER
) STRICT;
