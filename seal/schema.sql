-- The seal (docs/evidence.md): outside of the ledger and its retention.
-- IF NOT EXISTS would need the right to make it where it is there already, too.
DO $$ BEGIN
    IF to_regnamespace('seal') IS NULL THEN
        CREATE SCHEMA seal;
    END IF;
END $$;

CREATE TABLE IF NOT EXISTS seal.trees (
    topic text COLLATE "C",
    partition integer,
    size bigint NOT NULL DEFAULT 0,
    next_offset bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, partition)
);
COMMENT ON TABLE seal.trees IS 'A tree for each partition: how many leaves it has, and which offset comes next';

CREATE TABLE IF NOT EXISTS seal.topics (
    topic text COLLATE "C" PRIMARY KEY,
    id text NOT NULL
);
COMMENT ON TABLE seal.topics IS 'The id that Kafka gave each topic: one that is made again under its name has another';

CREATE TABLE IF NOT EXISTS seal.leaves (
    topic text COLLATE "C",
    partition integer,
    n bigint,
    size integer NOT NULL,
    last_offset bigint NOT NULL,
    hashes bytea NOT NULL,
    offsets bytea NOT NULL,
    personal bytea,
    PRIMARY KEY (topic, partition, n)
);
COMMENT ON TABLE seal.leaves IS 'Runs of leaves that were sealed together: of one to some thousand records, n the first';
COMMENT ON COLUMN seal.leaves.hashes IS 'The leaves, 32 bytes each';
COMMENT ON COLUMN seal.leaves.offsets IS 'Their records'' offsets, 8 bytes each, big-endian';
COMMENT ON COLUMN seal.leaves.personal IS
    'For each leaf a byte that counts the commitments of its contact''s fields, and these, 32 bytes each: they outlive the secret';
-- Hashes do not compress.
ALTER TABLE seal.leaves ALTER COLUMN hashes SET STORAGE EXTERNAL;
ALTER TABLE seal.leaves ALTER COLUMN personal SET STORAGE EXTERNAL;
CREATE INDEX IF NOT EXISTS leaves_by_offset ON seal.leaves (topic, partition, last_offset);

CREATE TABLE IF NOT EXISTS seal.nodes (
    topic text COLLATE "C",
    partition integer,
    block bigint,
    hash bytea NOT NULL,
    PRIMARY KEY (topic, partition, block)
);
COMMENT ON TABLE seal.nodes IS 'The hash of each 1,024 leaves';

CREATE TABLE IF NOT EXISTS seal.secrets (
    site_id text COLLATE "C",
    contact_id text COLLATE "C",
    secret bytea NOT NULL,
    PRIMARY KEY (site_id, contact_id)
);
COMMENT ON TABLE seal.secrets IS 'What salts are derived from; contact_id empty: the site''s. Destroyed by an erasure';

CREATE TABLE IF NOT EXISTS seal.erasures (
    site_id text COLLATE "C",
    contact_id text COLLATE "C",
    erased_at bigint NOT NULL,
    PRIMARY KEY (site_id, contact_id)
);
ALTER TABLE seal.erasures ADD COLUMN IF NOT EXISTS ends jsonb;
COMMENT ON TABLE seal.erasures IS 'Whose records cannot be opened any more; an empty id is any';
COMMENT ON COLUMN seal.erasures.erased_at IS 'Those up to then (ms since 1970, UTC)';
COMMENT ON COLUMN seal.erasures.ends IS
    'Those before these offsets, by topic-partition: they were sealed when the secret was destroyed';

CREATE TABLE IF NOT EXISTS seal.heads (
    number bigint PRIMARY KEY,
    made_at bigint NOT NULL,
    body text NOT NULL,
    digest text NOT NULL,
    signature bytea NOT NULL,
    stamp bytea
);
