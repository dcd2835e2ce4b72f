-- What customers configured (docs/portal.md). Ids are compared byte by byte (COLLATE "C"), as they are on Kafka.
-- Instants of records are Unix milliseconds, as on Kafka. No table holds a word: only salted slow hashes.

CREATE TABLE portal.sites (
    site_id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    revision bigint NOT NULL,
    subscribed boolean NOT NULL,
    line1 text,
    line2 text,
    postal_code text,
    city text,
    country text,
    instructions text,
    intervention boolean NOT NULL,
    partners text[] NOT NULL,
    test_until bigint,
    updated_at bigint NOT NULL,
    is_deleted boolean NOT NULL DEFAULT false,
    published_revision bigint NOT NULL DEFAULT 0,
    published_at bigint
);
COMMENT ON TABLE portal.sites IS 'Each site that the portal holds, in its last revision. Also those deleted: their revisions go on where they are made again.';
COMMENT ON COLUMN portal.sites.site_id IS 'The site.';
COMMENT ON COLUMN portal.sites.name IS 'What its people call it.';
COMMENT ON COLUMN portal.sites.revision IS 'From 1; one more with each change.';
COMMENT ON COLUMN portal.sites.subscribed IS 'Whether the service is subscribed.';
COMMENT ON COLUMN portal.sites.line1 IS 'Street and number; null: there is no address.';
COMMENT ON COLUMN portal.sites.line2 IS 'Floor, door, building.';
COMMENT ON COLUMN portal.sites.postal_code IS 'As its country writes it.';
COMMENT ON COLUMN portal.sites.city IS 'Town.';
COMMENT ON COLUMN portal.sites.country IS 'ISO 3166-1 alpha-2.';
COMMENT ON COLUMN portal.sites.instructions IS 'The comment for those who come.';
COMMENT ON COLUMN portal.sites.intervention IS 'Whether a guard may be sent.';
COMMENT ON COLUMN portal.sites.partners IS 'The partners to ask, in order.';
COMMENT ON COLUMN portal.sites.test_until IS 'Until when the site is on test.';
COMMENT ON COLUMN portal.sites.updated_at IS 'When this revision was made; later than each revision before it.';
COMMENT ON COLUMN portal.sites.is_deleted IS 'Whether the site was deleted: its record is a tombstone.';
COMMENT ON COLUMN portal.sites.published_revision IS 'The last revision that Kafka has acknowledged.';
COMMENT ON COLUMN portal.sites.published_at IS 'The time of its record.';

CREATE TABLE portal.people (
    site_id text COLLATE "C" NOT NULL REFERENCES portal.sites,
    person_id text COLLATE "C" NOT NULL,
    place integer NOT NULL,
    role text NOT NULL CHECK (role IN ('OWNER', 'MEMBER')),
    first_name text,
    last_name text,
    login text COLLATE "C",
    PRIMARY KEY (site_id, person_id),
    UNIQUE (site_id, login)
);
CREATE INDEX people_by_login ON portal.people (login) WHERE login IS NOT NULL;
COMMENT ON TABLE portal.people IS 'The users of each site.';
COMMENT ON COLUMN portal.people.site_id IS 'The site.';
COMMENT ON COLUMN portal.people.person_id IS 'The person; the contact_id where the person is a contact.';
COMMENT ON COLUMN portal.people.place IS 'In the order in which they were added, from 1.';
COMMENT ON COLUMN portal.people.role IS 'An owner configures the service, a member looks.';
COMMENT ON COLUMN portal.people.first_name IS 'First name; null only in imported sites.';
COMMENT ON COLUMN portal.people.last_name IS 'Last name; the same.';
COMMENT ON COLUMN portal.people.login IS 'The account that signs in as this person.';

CREATE TABLE portal.contacts (
    site_id text COLLATE "C" NOT NULL REFERENCES portal.sites,
    place integer NOT NULL,
    contact_id text COLLATE "C" NOT NULL,
    role text NOT NULL CHECK (role IN ('OWNER', 'MEMBER', 'EXTERNAL')),
    first_name text,
    last_name text,
    phone text,
    password_hash text,
    duress_hash text,
    language text,
    PRIMARY KEY (site_id, place)
);
COMMENT ON TABLE portal.contacts IS 'Who is called.';
COMMENT ON COLUMN portal.contacts.site_id IS 'The site.';
COMMENT ON COLUMN portal.contacts.place IS '1: the first contact; 2: the second; from 3: what an import brought.';
COMMENT ON COLUMN portal.contacts.contact_id IS 'The person, or an id of an external contact''s own.';
COMMENT ON COLUMN portal.contacts.role IS 'What the contact is to the site.';
COMMENT ON COLUMN portal.contacts.first_name IS 'First name.';
COMMENT ON COLUMN portal.contacts.last_name IS 'Last name.';
COMMENT ON COLUMN portal.contacts.phone IS 'E.164.';
COMMENT ON COLUMN portal.contacts.password_hash IS 'Salted slow hash of the password.';
COMMENT ON COLUMN portal.contacts.duress_hash IS 'Salted slow hash of the word that says: I speak under threat.';
COMMENT ON COLUMN portal.contacts.language IS 'BCP 47.';

CREATE TABLE portal.transmitters (
    account text COLLATE "C" PRIMARY KEY,
    site_id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    protocol text NOT NULL,
    key_wrapped bytea,
    require_encryption boolean,
    bad_crc text NOT NULL,
    overrides jsonb NOT NULL,
    updated_at bigint NOT NULL,
    is_deleted boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE portal.transmitters IS 'Each transmitter that the portal holds, in its last revision; also those deleted.';
COMMENT ON COLUMN portal.transmitters.account IS '1 to 16 hexadecimal digits, upper case, zeros kept.';
COMMENT ON COLUMN portal.transmitters.site_id IS 'The site that it protects.';
COMMENT ON COLUMN portal.transmitters.revision IS 'From 1; one more with each change.';
COMMENT ON COLUMN portal.transmitters.protocol IS 'What it speaks.';
COMMENT ON COLUMN portal.transmitters.key_wrapped IS 'Its key, encrypted under the receiver''s wrapping key.';
COMMENT ON COLUMN portal.transmitters.require_encryption IS 'Whether plain frames are refused; null: where a key is set.';
COMMENT ON COLUMN portal.transmitters.bad_crc IS 'What a frame with a wrong checksum is answered.';
COMMENT ON COLUMN portal.transmitters.overrides IS 'Other readings of single codes.';
COMMENT ON COLUMN portal.transmitters.updated_at IS 'When this revision was made; later than each revision before it.';
COMMENT ON COLUMN portal.transmitters.is_deleted IS 'Whether it was deleted: its record is a tombstone.';

CREATE TABLE portal.revisions (
    site_id text COLLATE "C" NOT NULL REFERENCES portal.sites,
    revision bigint NOT NULL,
    at bigint NOT NULL,
    by text NOT NULL,
    what text NOT NULL,
    before jsonb,
    after jsonb,
    request bytea NOT NULL,
    PRIMARY KEY (site_id, revision)
);
COMMENT ON TABLE portal.revisions IS 'The history: who changed what and when, never a word or its hash.';
COMMENT ON COLUMN portal.revisions.site_id IS 'The site.';
COMMENT ON COLUMN portal.revisions.revision IS 'The revision that the change made.';
COMMENT ON COLUMN portal.revisions.at IS 'When.';
COMMENT ON COLUMN portal.revisions.by IS 'The account or the token.';
COMMENT ON COLUMN portal.revisions.what IS 'The part that was changed.';
COMMENT ON COLUMN portal.revisions.before IS 'That part before.';
COMMENT ON COLUMN portal.revisions.after IS 'That part after.';
COMMENT ON COLUMN portal.revisions.request IS 'SHA-256 of the request without its words, by which the same request is known when it comes again.';

CREATE TABLE portal.transmitter_revisions (
    account text COLLATE "C" NOT NULL REFERENCES portal.transmitters,
    revision bigint NOT NULL,
    at bigint NOT NULL,
    by text NOT NULL,
    before jsonb,
    after jsonb,
    request bytea NOT NULL,
    PRIMARY KEY (account, revision)
);
COMMENT ON TABLE portal.transmitter_revisions IS 'The history of each transmitter, without its keys.';
COMMENT ON COLUMN portal.transmitter_revisions.account IS 'The transmitter.';
COMMENT ON COLUMN portal.transmitter_revisions.revision IS 'The revision that the change made.';
COMMENT ON COLUMN portal.transmitter_revisions.at IS 'When.';
COMMENT ON COLUMN portal.transmitter_revisions.by IS 'The account or the token.';
COMMENT ON COLUMN portal.transmitter_revisions.before IS 'The transmitter before.';
COMMENT ON COLUMN portal.transmitter_revisions.after IS 'The transmitter after; null: it was deleted.';
COMMENT ON COLUMN portal.transmitter_revisions.request IS 'SHA-256 of the request without the key.';

CREATE SEQUENCE portal.changes;
CREATE TABLE portal.outbox (
    topic text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    change bigint NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic, key)
);
CREATE INDEX outbox_by_change ON portal.outbox (change);
COMMENT ON TABLE portal.outbox IS 'The keys whose last state is not on Kafka yet.';
COMMENT ON COLUMN portal.outbox.topic IS 'Without prefix: sites, transmitters.';
COMMENT ON COLUMN portal.outbox.key IS 'The record''s key.';
COMMENT ON COLUMN portal.outbox.change IS 'Another number with each change; who has published that one may remove the row.';
COMMENT ON COLUMN portal.outbox.since IS 'Since when the key waits.';

CREATE TABLE portal.relay (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    owner text NOT NULL,
    until timestamptz NOT NULL
);
COMMENT ON TABLE portal.relay IS 'Which portal publishes, so that others do not compete. What keeps the order is Kafka''s fence, not this.';
COMMENT ON COLUMN portal.relay.is_only IS 'There is one row at most.';
COMMENT ON COLUMN portal.relay.owner IS 'The process.';
COMMENT ON COLUMN portal.relay.until IS 'When another may take over.';
