-- What was erased stays erased: every row that is written looks here first (`ronde ledger erase`).

CREATE TABLE ledger.erasures (
    site_id text COLLATE "C" NOT NULL,
    contact_id text COLLATE "C" NOT NULL,
    erased_at timestamptz NOT NULL,
    PRIMARY KEY (site_id, contact_id),
    CHECK (site_id <> '' OR contact_id <> '')
);
COMMENT ON TABLE ledger.erasures IS
    'Whose personal data was erased, from every record up to an instant: as the topic erasures has it.';
COMMENT ON COLUMN ledger.erasures.site_id IS 'The site; empty for a contact of any site.';
COMMENT ON COLUMN ledger.erasures.contact_id IS 'The contact; empty for everything of a site.';
COMMENT ON COLUMN ledger.erasures.erased_at IS 'Records up to this instant are without personal data.';

CREATE FUNCTION ledger.is_erased(the_site_id text, the_contact_id text, the_time timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM ledger.erasures
        WHERE site_id IN ('', the_site_id)
            AND contact_id IN ('', coalesce(the_contact_id, ''))
            AND the_time <= erased_at
    )
$$;
COMMENT ON FUNCTION ledger.is_erased IS 'Whether a record of a site, a contact (or null) and a time is to be without personal data.';

CREATE FUNCTION ledger.erase(the_site_id text, the_contact_id text, the_time timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    changed bigint;
    total bigint := 0;
BEGIN
    -- No chunk is under way while this runs, and the next one sees it.
    PERFORM pg_advisory_xact_lock(hashtext('ledger.erasures'));
    INSERT INTO ledger.erasures AS known (site_id, contact_id, erased_at)
    VALUES (the_site_id, the_contact_id, the_time)
    ON CONFLICT (site_id, contact_id) DO UPDATE SET erased_at = excluded.erased_at
    WHERE known.erased_at < excluded.erased_at;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    -- What an empty id means is settled before these are planned, so that each finds its rows by an index.
    UPDATE ledger.call_commands SET contact_name = NULL, phone = NULL, language = NULL
    WHERE issued_at <= the_time
        AND (the_site_id = '' OR site_id = the_site_id) AND (the_contact_id = '' OR contact_id = the_contact_id)
        AND coalesce(contact_name, phone, language) IS NOT NULL;
    GET DIAGNOSTICS changed = ROW_COUNT;
    total := total + changed;
    UPDATE ledger.call_results SET detail = NULL
    WHERE received_at <= the_time
        AND (the_site_id = '' OR site_id = the_site_id) AND (the_contact_id = '' OR contact_id = the_contact_id)
        AND detail IS NOT NULL;
    GET DIAGNOSTICS changed = ROW_COUNT;
    total := total + changed;
    UPDATE ledger.refused SET value = NULL
    WHERE (recorded_at IS NULL OR recorded_at <= the_time) AND value IS NOT NULL
        AND (the_site_id = '' OR key = convert_to(the_site_id, 'UTF8'))
        AND (the_contact_id = '' OR position(convert_to(the_contact_id, 'UTF8') IN value) > 0);
    GET DIAGNOSTICS changed = ROW_COUNT;
    total := total + changed;
    IF the_contact_id <> '' THEN
        -- A result need not name the contact; its call does.
        UPDATE ledger.call_results SET detail = NULL
        WHERE received_at <= the_time AND (the_site_id = '' OR site_id = the_site_id) AND detail IS NOT NULL
            AND command_id = ANY (ARRAY (
                SELECT command_id FROM ledger.call_commands WHERE contact_id = the_contact_id
            ));
        GET DIAGNOSTICS changed = ROW_COUNT;
        RETURN total + changed;
    END IF;

    UPDATE ledger.alerts SET detail = NULL
    WHERE site_id = the_site_id AND received_at <= the_time AND detail IS NOT NULL;
    GET DIAGNOSTICS changed = ROW_COUNT;
    total := total + changed;
    UPDATE ledger.dispatch_commands SET address = NULL, instructions = NULL
    WHERE site_id = the_site_id AND issued_at <= the_time AND (address IS NOT NULL OR instructions IS NOT NULL);
    GET DIAGNOSTICS changed = ROW_COUNT;
    total := total + changed;
    UPDATE ledger.dispatch_reports SET reason = NULL
    WHERE site_id = the_site_id AND received_at <= the_time AND reason IS NOT NULL;
    GET DIAGNOSTICS changed = ROW_COUNT;
    total := total + changed;
    UPDATE ledger.operator_actions SET reason = NULL
    WHERE site_id = the_site_id AND received_at <= the_time AND reason IS NOT NULL;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN total + changed;
END
$$;
COMMENT ON FUNCTION ledger.erase IS
    'Removes the personal data of a site (its contact empty), of a contact (its site empty), or of a contact of a site, from every record up to a time. How many records held any; null when that was done before.';
