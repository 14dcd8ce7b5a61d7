-- Master data: what the decisions of the server's own book say. Can be dropped and rebuilt from it.

-- Every version of every record, as decided. line: the decision.
CREATE TABLE record (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    cursor INTEGER NOT NULL UNIQUE,
    withdrawn INTEGER NOT NULL CHECK (withdrawn IN (0, 1)),
    since_us INTEGER NOT NULL,
    body BLOB NOT NULL,
    line BLOB NOT NULL,
    PRIMARY KEY (kind, name, version)
) STRICT;

CREATE TABLE terminal (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    public_key BLOB NOT NULL,
    enrolled_us INTEGER NOT NULL,
    revoked_us INTEGER
) STRICT;

CREATE TABLE item (
    code TEXT PRIMARY KEY,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    gtin TEXT,
    tracking TEXT NOT NULL CHECK (tracking IN ('serial', 'lot')),
    withdrawn INTEGER NOT NULL
) STRICT;

CREATE TABLE unit (
    -- Key in the kernel's tables: the canonical text of the number as an own code.
    unit TEXT PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    item TEXT NOT NULL,
    tracking TEXT NOT NULL CHECK (tracking IN ('serial', 'lot')),
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    home TEXT,
    amount INTEGER,
    measure INTEGER,
    withdrawn INTEGER NOT NULL
) STRICT;
CREATE INDEX unit_item ON unit (item);

CREATE TABLE place (
    code TEXT PRIMARY KEY,
    parent TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('site', 'vault', 'storage', 'zone', 'door', 'bench')),
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    withdrawn INTEGER NOT NULL
) STRICT;

CREATE TABLE person (
    number INTEGER PRIMARY KEY,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    department_zh TEXT NOT NULL,
    department_en TEXT NOT NULL,
    badge TEXT,
    withdrawn INTEGER NOT NULL
) STRICT;

CREATE TABLE pass (
    number TEXT PRIMARY KEY,
    person_no INTEGER NOT NULL,
    purpose_zh TEXT NOT NULL,
    purpose_en TEXT NOT NULL,
    from_us INTEGER NOT NULL,
    until_us INTEGER NOT NULL,
    due_us INTEGER NOT NULL,
    approved_by INTEGER NOT NULL,
    withdrawn INTEGER NOT NULL
) STRICT;

CREATE TABLE pass_unit (
    pass TEXT NOT NULL,
    unit TEXT NOT NULL,
    PRIMARY KEY (pass, unit)
) STRICT;
CREATE INDEX pass_unit_unit ON pass_unit (unit);

CREATE TABLE task (
    number TEXT PRIMARY KEY,
    act TEXT NOT NULL,
    title_zh TEXT NOT NULL,
    title_en TEXT NOT NULL,
    document TEXT,
    withdrawn INTEGER NOT NULL
) STRICT;

CREATE TABLE task_unit (
    task TEXT NOT NULL,
    unit TEXT NOT NULL,
    PRIMARY KEY (task, unit)
) STRICT;

CREATE TABLE hold (
    number TEXT PRIMARY KEY,
    unit TEXT NOT NULL,
    reason_zh TEXT NOT NULL,
    reason_en TEXT NOT NULL,
    withdrawn INTEGER NOT NULL
) STRICT;
CREATE INDEX hold_unit ON hold (unit);

CREATE TABLE certificate (
    number TEXT PRIMARY KEY,
    person_no INTEGER NOT NULL,
    act TEXT NOT NULL,
    until_us INTEGER NOT NULL,
    withdrawn INTEGER NOT NULL
) STRICT;
CREATE INDEX certificate_person ON certificate (person_no);

-- For which unit a code stands: from (and at) since_us until but not at until_us.
CREATE TABLE binding (
    code TEXT NOT NULL,
    since_us INTEGER NOT NULL,
    until_us INTEGER,
    unit TEXT NOT NULL,
    PRIMARY KEY (code, since_us)
) STRICT;
-- At most one binding of a code is open.
CREATE UNIQUE INDEX binding_open ON binding (code) WHERE until_us IS NULL;
CREATE INDEX binding_unit ON binding (unit);
