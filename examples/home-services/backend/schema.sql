CREATE TABLE IF NOT EXISTS technicians (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    services TEXT NOT NULL,              -- names with a comma between them
    postcodes TEXT NOT NULL              -- beginnings of the postcodes they drive to, with a comma between them
);

CREATE TABLE IF NOT EXISTS customers (
    phone TEXT PRIMARY KEY,              -- digits only
    name TEXT NOT NULL,
    address TEXT NOT NULL DEFAULT '',
    account TEXT NOT NULL DEFAULT 'active',
    notes TEXT NOT NULL DEFAULT ''
);

CREATE TABLE IF NOT EXISTS visits (
    reference TEXT PRIMARY KEY,
    phone TEXT NOT NULL REFERENCES customers (phone),
    technician INTEGER NOT NULL REFERENCES technicians (id),
    service TEXT NOT NULL,
    day TEXT NOT NULL,                   -- 2026-11-23
    start TEXT NOT NULL,                 -- 08:00
    address TEXT NOT NULL DEFAULT '',
    issue TEXT NOT NULL DEFAULT '',
    request TEXT UNIQUE,                 -- the key of the request that made it
    UNIQUE (technician, day, start)
);

CREATE TABLE IF NOT EXISTS leads (
    reference TEXT PRIMARY KEY,
    phone TEXT NOT NULL,
    name TEXT NOT NULL,
    service TEXT NOT NULL,
    urgency TEXT NOT NULL,
    address TEXT NOT NULL,
    email TEXT NOT NULL DEFAULT '',
    notes TEXT NOT NULL DEFAULT '',
    made_at TEXT NOT NULL,
    request TEXT UNIQUE
);

CREATE TABLE IF NOT EXISTS texts (
    id INTEGER PRIMARY KEY,
    phone TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued',
    made_at TEXT NOT NULL,
    request TEXT UNIQUE
);
