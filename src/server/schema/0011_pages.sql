-- Ways into the book that pages take.

-- Passages and decisions are few among many movements.
CREATE INDEX line_kind ON line (kind, position) WHERE kind <> 1;

-- Alarms are few among many exceptions.
CREATE INDEX exception_reason ON exception (reason, corrected_us);
