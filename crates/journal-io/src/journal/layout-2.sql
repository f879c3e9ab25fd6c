-- Incidents: an append-only chain of records of each site. Only its oldest part is ever deleted, never changed.

CREATE TABLE incidents (
    id INTEGER PRIMARY KEY,
    site INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    hash BLOB NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (site, seq)
) STRICT;

CREATE TRIGGER incidents_stay BEFORE UPDATE ON incidents BEGIN
    SELECT raise(ABORT, 'a record of an incident cannot be changed');
END;

CREATE TRIGGER incidents_follow BEFORE INSERT ON incidents
WHEN NEW.seq <= (SELECT max(seq) FROM incidents WHERE site = NEW.site) BEGIN
    SELECT raise(ABORT, 'a record of an incident must follow the last one');
END;
