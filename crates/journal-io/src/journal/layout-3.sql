-- Messages to those who are alerted, and every try to deliver one. State: 0 it waits, 1 delivered, 2 refused, 3 given up.

CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY,
    site INTEGER NOT NULL,
    receiver TEXT NOT NULL,
    key TEXT NOT NULL,
    at INTEGER NOT NULL,
    state INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (site, receiver, key)
) STRICT;
CREATE INDEX deliveries_by_time ON deliveries (at);
CREATE INDEX deliveries_that_wait ON deliveries (id) WHERE state = 0;

CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    site INTEGER NOT NULL,
    receiver TEXT NOT NULL,
    key TEXT NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    state INTEGER NOT NULL,
    why TEXT NOT NULL
) STRICT;
CREATE INDEX attempts_by_time ON attempts (at);
