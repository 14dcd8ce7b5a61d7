-- The house's own numbers, and for which thing a code stands. Derived from the book; can be dropped and rebuilt.

-- Counters that one book may give, as the server's decisions say. No two leases of a series overlap.
CREATE TABLE lease (
    series TEXT NOT NULL,
    first_no INTEGER NOT NULL CHECK (first_no > 0),
    last_no INTEGER NOT NULL CHECK (last_no >= first_no),
    terminal_no INTEGER NOT NULL,
    epoch BLOB NOT NULL,
    -- Epoch of the server's own book that leased them.
    leased_by BLOB NOT NULL,
    -- The book lost its tail, and with it what it had given of them.
    withdrawn INTEGER NOT NULL CHECK (withdrawn IN (0, 1)),
    PRIMARY KEY (series, first_no)
) STRICT;
CREATE INDEX lease_book ON lease (terminal_no, epoch, series);

-- Lines that gave a number. counter: none when the terminal counted by itself.
CREATE TABLE registration (
    line BLOB PRIMARY KEY,
    unit TEXT NOT NULL,
    corrected_us INTEGER NOT NULL,
    terminal_no INTEGER NOT NULL,
    epoch BLOB NOT NULL,
    series TEXT NOT NULL,
    counter INTEGER
) STRICT;
CREATE INDEX registration_unit ON registration (unit);
CREATE INDEX registration_book ON registration (terminal_no, epoch, series, counter);

-- What lines of terminals said about one code each.
CREATE TABLE relabelled (
    line BLOB NOT NULL,
    code TEXT NOT NULL,
    unit TEXT NOT NULL,
    since_us INTEGER NOT NULL,
    bound INTEGER NOT NULL CHECK (bound IN (0, 1)),
    -- Released by a line that bound another code to the unit.
    replaced INTEGER NOT NULL CHECK (replaced IN (0, 1)),
    PRIMARY KEY (code, line)
) STRICT;
CREATE INDEX relabelled_line ON relabelled (line);

-- Every claim of a unit on a code; the table `binding` says for which of them the code stood when.
-- in_force_us: none while another held the code. clashed: it did when the claim was made.
CREATE TABLE claim (
    code TEXT NOT NULL,
    line BLOB NOT NULL,
    unit TEXT NOT NULL,
    since_us INTEGER NOT NULL,
    until_us INTEGER,
    in_force_us INTEGER,
    clashed INTEGER NOT NULL CHECK (clashed IN (0, 1)),
    replaced INTEGER NOT NULL CHECK (replaced IN (0, 1)),
    PRIMARY KEY (code, since_us, line)
) STRICT;
CREATE INDEX claim_unit ON claim (unit);

-- The bindings that stand were all decided at the server.
INSERT INTO claim (code, line, unit, since_us, until_us, in_force_us, clashed, replaced)
    SELECT b.code, r.line, b.unit, b.since_us, b.until_us, b.since_us, 0, 0 FROM binding b
    JOIN record r ON r.kind = 'binding' AND r.name = b.code AND r.since_us = b.since_us AND r.withdrawn = 0
    WHERE NOT EXISTS (SELECT 1 FROM record n WHERE n.kind = r.kind AND n.name = r.name AND n.since_us = r.since_us
                      AND n.version > r.version);
