-- An erasure reaches all that Kafka had when it was asked for, also where a sender's clock was ahead.

ALTER TABLE ledger.erasures ADD COLUMN ends jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN ledger.erasures.ends IS
    'Where the logs ended then: by topic (without prefix), of each partition in turn. Records before that are without personal data, too.';

CREATE FUNCTION ledger.is_before(
    the_time timestamptz, the_ends jsonb, topic text, recorded_at timestamptz, kafka_partition integer, kafka_offset bigint
) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT recorded_at <= the_time OR kafka_offset < (the_ends -> topic ->> kafka_partition)::bigint
$$;
COMMENT ON FUNCTION ledger.is_before IS
    'Whether a record is up to a time, or before the end that its log had: true, or else false or null.';

-- Beside the one of before, which sinks of an older version still use.
CREATE FUNCTION ledger.is_erased(
    the_site_id text, the_contact_id text, the_time timestamptz,
    the_topic text, the_partition integer, the_offset bigint
) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM ledger.erasures
        WHERE site_id IN ('', the_site_id)
            AND contact_id IN ('', coalesce(the_contact_id, ''))
            AND ledger.is_before(erased_at, ends, the_topic, the_time, the_partition, the_offset)
    )
$$;
COMMENT ON FUNCTION ledger.is_erased(text, text, timestamptz, text, integer, bigint) IS
    'Whether a record of a site, a contact (or null), a time and a place on Kafka is to be without personal data.';

CREATE FUNCTION ledger.erase(the_site_id text, the_contact_id text, the_time timestamptz, the_ends jsonb) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    changed bigint;
    total bigint := 0;
BEGIN
    -- No chunk is under way while this runs, and the next one sees it.
    PERFORM pg_advisory_xact_lock(hashtext('ledger.erasures'));
    INSERT INTO ledger.erasures AS known (site_id, contact_id, erased_at, ends)
    VALUES (the_site_id, the_contact_id, the_time, the_ends)
    ON CONFLICT (site_id, contact_id) DO UPDATE SET erased_at = excluded.erased_at, ends = excluded.ends
    WHERE known.erased_at < excluded.erased_at
        -- Carried out by a sink of an older version, which does not know of ends.
        OR known.erased_at = excluded.erased_at AND known.ends = '{}' AND excluded.ends <> '{}';
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    -- What an empty id means is settled before these are planned, so that each finds its rows by an index.
    UPDATE ledger.call_commands SET contact_name = NULL, phone = NULL, language = NULL
    WHERE ledger.is_before(the_time, the_ends, 'calls', issued_at, kafka_partition, kafka_offset)
        AND (the_site_id = '' OR site_id = the_site_id) AND (the_contact_id = '' OR contact_id = the_contact_id)
        AND coalesce(contact_name, phone, language) IS NOT NULL;
    GET DIAGNOSTICS changed = ROW_COUNT;
    total := total + changed;
    UPDATE ledger.call_results SET detail = NULL
    WHERE ledger.is_before(the_time, the_ends, 'call-results', received_at, kafka_partition, kafka_offset)
        AND (the_site_id = '' OR site_id = the_site_id) AND (the_contact_id = '' OR contact_id = the_contact_id)
        AND detail IS NOT NULL;
    GET DIAGNOSTICS changed = ROW_COUNT;
    total := total + changed;
    UPDATE ledger.refused SET value = NULL
    WHERE (recorded_at IS NULL OR ledger.is_before(the_time, the_ends, topic, recorded_at, kafka_partition, kafka_offset))
        AND value IS NOT NULL
        AND (the_site_id = '' OR key = convert_to(the_site_id, 'UTF8'))
        AND (the_contact_id = '' OR position(convert_to(the_contact_id, 'UTF8') IN value) > 0);
    GET DIAGNOSTICS changed = ROW_COUNT;
    total := total + changed;
    IF the_contact_id <> '' THEN
        -- A result need not name the contact; its call does. No record of the edges names one.
        UPDATE ledger.call_results SET detail = NULL
        WHERE ledger.is_before(the_time, the_ends, 'call-results', received_at, kafka_partition, kafka_offset)
            AND (the_site_id = '' OR site_id = the_site_id) AND detail IS NOT NULL
            AND command_id = ANY (ARRAY (
                SELECT command_id FROM ledger.call_commands WHERE contact_id = the_contact_id
            ));
        GET DIAGNOSTICS changed = ROW_COUNT;
        RETURN total + changed;
    END IF;

    UPDATE ledger.alerts SET detail = NULL
    WHERE site_id = the_site_id AND detail IS NOT NULL
        AND ledger.is_before(the_time, the_ends, 'alerts', received_at, kafka_partition, kafka_offset);
    GET DIAGNOSTICS changed = ROW_COUNT;
    total := total + changed;
    UPDATE ledger.dispatch_commands SET address = NULL, instructions = NULL
    WHERE site_id = the_site_id AND (address IS NOT NULL OR instructions IS NOT NULL)
        AND ledger.is_before(the_time, the_ends, 'dispatches', issued_at, kafka_partition, kafka_offset);
    GET DIAGNOSTICS changed = ROW_COUNT;
    total := total + changed;
    UPDATE ledger.dispatch_reports SET reason = NULL
    WHERE site_id = the_site_id AND reason IS NOT NULL
        AND ledger.is_before(the_time, the_ends, 'dispatch-reports', received_at, kafka_partition, kafka_offset);
    GET DIAGNOSTICS changed = ROW_COUNT;
    total := total + changed;
    UPDATE ledger.operator_actions SET reason = NULL
    WHERE site_id = the_site_id AND reason IS NOT NULL
        AND ledger.is_before(the_time, the_ends, 'operator-actions', received_at, kafka_partition, kafka_offset);
    GET DIAGNOSTICS changed = ROW_COUNT;
    total := total + changed;
    -- `account:<account>` is the key of signals whose account no site is known of.
    UPDATE ledger.signals SET raw = NULL, text = NULL, "user" = NULL
    WHERE ledger.is_before(the_time, the_ends, 'signals', received_at, kafka_partition, kafka_offset)
        AND (
            site_id = the_site_id
            OR site_id IS NULL AND starts_with(the_site_id, 'account:') AND account = substr(the_site_id, 9)
        )
        AND (raw IS NOT NULL OR text IS NOT NULL OR "user" IS NOT NULL);
    GET DIAGNOSTICS changed = ROW_COUNT;
    total := total + changed;
    UPDATE ledger.desk_events SET detail = NULL
    WHERE site_id = the_site_id AND detail IS NOT NULL
        AND ledger.is_before(the_time, the_ends, 'desk-log', received_at, kafka_partition, kafka_offset);
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN total + changed;
END
$$;
COMMENT ON FUNCTION ledger.erase(text, text, timestamptz, jsonb) IS
    'Removes the personal data of a site (its contact empty), of a contact (its site empty), or of a contact of a site, from every record up to a time or before the ends of the logs. Returns how many records held any; null when that was done before.';
