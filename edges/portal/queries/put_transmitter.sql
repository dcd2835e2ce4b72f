INSERT INTO portal.transmitters (
    account, site_id, revision, protocol, key_wrapped, require_encryption, bad_crc, overrides, updated_at, is_deleted
)
VALUES (
    %(account)s, %(site_id)s, %(revision)s, %(protocol)s, %(key_wrapped)s, %(require_encryption)s, %(bad_crc)s,
    %(overrides)s, %(updated_at)s, %(is_deleted)s
)
ON CONFLICT (account) DO UPDATE SET
    site_id = excluded.site_id,
    revision = excluded.revision,
    protocol = excluded.protocol,
    key_wrapped = excluded.key_wrapped,
    require_encryption = excluded.require_encryption,
    bad_crc = excluded.bad_crc,
    overrides = excluded.overrides,
    updated_at = excluded.updated_at,
    is_deleted = excluded.is_deleted
