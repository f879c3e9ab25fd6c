-- Subscribers of the status page who have confirmed, news for them, and who heard what of it. State: 0 it waits, 1 delivered, 2 refused,
-- 3 given up. Nothing of an address is kept before it is confirmed, nor after its owner has left.

CREATE TABLE subscribers (
    site INTEGER NOT NULL,
    id BLOB NOT NULL,
    since INTEGER NOT NULL,
    refusals INTEGER NOT NULL,
    address TEXT NOT NULL,
    chosen TEXT NOT NULL,
    PRIMARY KEY (site, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE news (
    id INTEGER PRIMARY KEY,
    site INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (site, seq)
) STRICT;

CREATE TABLE told (
    site INTEGER NOT NULL,
    subscriber BLOB NOT NULL,
    subject TEXT NOT NULL,
    seq INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    at INTEGER NOT NULL,
    state INTEGER NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (site, subscriber, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX told_by_time ON told (at);
