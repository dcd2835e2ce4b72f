-- An erasure of `account:<account>`, the key of signals whose account no site is known of, reaches these too.

CREATE OR REPLACE FUNCTION ledger.erase(the_site_id text, the_contact_id text, the_time timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    changed bigint;
    total bigint := ledger.erase_from_engine_records(the_site_id, the_contact_id, the_time);
BEGIN
    IF total IS NULL OR the_contact_id <> '' THEN  -- done before; no record of the edges names a contact
        RETURN total;
    END IF;
    UPDATE ledger.signals SET raw = NULL, text = NULL, "user" = NULL
    WHERE received_at <= the_time
        AND (
            site_id = the_site_id
            OR site_id IS NULL AND starts_with(the_site_id, 'account:') AND account = substr(the_site_id, 9)
        )
        AND (raw IS NOT NULL OR text IS NOT NULL OR "user" IS NOT NULL);
    GET DIAGNOSTICS changed = ROW_COUNT;
    total := total + changed;
    UPDATE ledger.desk_events SET detail = NULL
    WHERE site_id = the_site_id AND received_at <= the_time AND detail IS NOT NULL;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN total + changed;
END
$$;

-- Those that were carried out before.
UPDATE ledger.signals SET raw = NULL, text = NULL, "user" = NULL
FROM ledger.erasures
WHERE signals.site_id IS NULL AND signals.account = substr(erasures.site_id, 9) AND starts_with(erasures.site_id, 'account:')
    AND erasures.contact_id = '' AND signals.received_at <= erasures.erased_at
    AND (raw IS NOT NULL OR text IS NOT NULL OR "user" IS NOT NULL);
