-- Times are milliseconds since 1970, hours are hours since 1970, networks are texts such as 192.0.2.0/24,
-- 128-bit identities are blobs of 16 bytes.

CREATE TABLE passes (
    site INTEGER NOT NULL,
    pass BLOB NOT NULL,
    account BLOB NOT NULL,
    first_confirmed INTEGER NOT NULL,
    issued INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    way INTEGER NOT NULL,
    budget_class INTEGER NOT NULL,
    minted_in_incident INTEGER NOT NULL,
    revoked INTEGER,
    homes BLOB,
    PRIMARY KEY (site, pass)
) STRICT, WITHOUT ROWID;
CREATE INDEX passes_by_use ON passes (last_seen);

CREATE TABLE tokens (
    site INTEGER NOT NULL,
    hash BLOB NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    answers INTEGER NOT NULL,
    PRIMARY KEY (site, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE networks (
    site INTEGER NOT NULL,
    net INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    bitmap BLOB NOT NULL,
    PRIMARY KEY (site, net)
) STRICT, WITHOUT ROWID;
CREATE INDEX networks_by_use ON networks (seen);

CREATE TABLE refused (
    hour INTEGER NOT NULL,
    site INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    tier INTEGER NOT NULL,
    would_be INTEGER NOT NULL,
    path TEXT NOT NULL,
    network TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (hour, site, reason, tier, would_be, path, network)
) STRICT, WITHOUT ROWID;

CREATE TABLE samples (
    id INTEGER PRIMARY KEY,
    site INTEGER NOT NULL,
    at INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    tier INTEGER NOT NULL,
    would_be INTEGER NOT NULL,
    weight INTEGER NOT NULL,
    path TEXT NOT NULL,
    network TEXT NOT NULL,
    address_hash INTEGER,
    logged_in INTEGER
) STRICT;
CREATE INDEX samples_by_time ON samples (at);
CREATE INDEX samples_with_address ON samples (at) WHERE address_hash IS NOT NULL;

CREATE TABLE logins (
    id INTEGER PRIMARY KEY,
    site INTEGER NOT NULL,
    at INTEGER NOT NULL,
    account BLOB NOT NULL,
    network TEXT NOT NULL,
    address_hash INTEGER
) STRICT;
CREATE INDEX logins_by_time ON logins (at);
CREATE INDEX logins_with_address ON logins (at) WHERE address_hash IS NOT NULL;
CREATE INDEX logins_of_address ON logins (site, address_hash, at) WHERE address_hash IS NOT NULL;

CREATE TABLE acts (
    id INTEGER PRIMARY KEY,
    site INTEGER NOT NULL,
    at INTEGER NOT NULL,
    uid INTEGER,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX acts_by_time ON acts (at);

CREATE TABLE paths (
    site INTEGER NOT NULL,
    path_hash INTEGER NOT NULL,
    is_private INTEGER NOT NULL,
    asked INTEGER NOT NULL,
    PRIMARY KEY (site, path_hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE state (
    site INTEGER NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (site, key)
) STRICT, WITHOUT ROWID;
