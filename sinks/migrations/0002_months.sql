-- A partition a month for every table that grows without bound: made when a row needs it, dropped by
-- `ronde ledger retain`. Months are those of UTC. Partitions are named <table>_y2026m01.

CREATE FUNCTION ledger.partitioned_tables() RETURNS SETOF regclass
LANGUAGE sql STABLE AS $$
    SELECT partitioned.partrelid::regclass
    FROM pg_partitioned_table AS partitioned
    JOIN pg_class AS class ON class.oid = partitioned.partrelid
    WHERE class.relnamespace = 'ledger'::regnamespace
    ORDER BY class.relname
$$;
COMMENT ON FUNCTION ledger.partitioned_tables IS 'The tables of the ledger that have a partition a month.';

-- A month is made beside its table and attached when it is ready: who writes to other months does not wait. A row that
-- came after its month was dropped lies in "_other", and moves into the month when that is made again.
CREATE FUNCTION ledger.add_month(month date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    parent regclass;
    name text;
    time_column text;
    first timestamptz := date_trunc('month', month::timestamp) AT TIME ZONE 'UTC';
    next timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') AT TIME ZONE 'UTC';
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('ledger.add_month'));
    FOR parent IN SELECT ledger.partitioned_tables() LOOP
        SELECT relname || to_char(month, '"_y"YYYY"m"MM') INTO name FROM pg_class WHERE oid = parent;
        IF to_regclass(format('ledger.%I', name)) IS NULL THEN
            time_column := substring(pg_get_partkeydef(parent) FROM '\((.*)\)');
            EXECUTE format('CREATE TABLE ledger.%I (LIKE %s INCLUDING ALL)', name, parent);
            EXECUTE format('LOCK TABLE %s_other IN ACCESS EXCLUSIVE MODE', parent);
            EXECUTE format(
                'WITH moved AS (DELETE FROM %s_other WHERE %s >= %L AND %s < %L RETURNING *)'
                ' INSERT INTO ledger.%I SELECT * FROM moved',
                parent, time_column, first, time_column, next, name
            );
            EXECUTE format(
                'ALTER TABLE %s ATTACH PARTITION ledger.%I FOR VALUES FROM (%L) TO (%L)', parent, name, first, next
            );
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION ledger.add_month IS 'Makes the partitions of a month that are missing, for every table that has them.';

CREATE FUNCTION ledger.months_before(cutoff date) RETURNS SETOF regclass
LANGUAGE sql STABLE AS $$
    SELECT child.oid::regclass
    FROM pg_inherits
    JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent IN (SELECT ledger.partitioned_tables())
        AND to_date(substring(child.relname FROM '_y(\d{4}m\d{2})$'), 'YYYY"m"MM') < date_trunc('month', cutoff)
    ORDER BY child.relname
$$;
COMMENT ON FUNCTION ledger.months_before IS 'The partitions of months before that of a day.';

CREATE FUNCTION ledger.drop_month(partition regclass) RETURNS void
LANGUAGE plpgsql STRICT AS $$
BEGIN
    IF partition NOT IN (SELECT ledger.months_before('infinity')) THEN
        RAISE EXCEPTION '% is no month of the ledger', partition;
    END IF;
    EXECUTE format('DROP TABLE %s', partition);
END
$$;
COMMENT ON FUNCTION ledger.drop_month IS 'Drops a partition that holds a month.';

CREATE FUNCTION ledger.trim_others(cutoff date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    parent regclass;
BEGIN
    FOR parent IN SELECT ledger.partitioned_tables() LOOP
        EXECUTE format(
            'DELETE FROM %s_other WHERE %s < %L',
            parent, substring(pg_get_partkeydef(parent) FROM '\((.*)\)'), cutoff::timestamp AT TIME ZONE 'UTC'
        );
    END LOOP;
END
$$;
COMMENT ON FUNCTION ledger.trim_others IS 'Removes what is before a day from the partitions for times without a month.';

DO $$
DECLARE
    parent regclass;
BEGIN
    FOR parent IN SELECT ledger.partitioned_tables() LOOP
        EXECUTE format('CREATE TABLE %s_other PARTITION OF %s DEFAULT', parent, parent);
    END LOOP;
END
$$;

CREATE FUNCTION ledger.instant(milliseconds bigint) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT 'epoch'::timestamptz + milliseconds * interval '1 millisecond'
$$;
COMMENT ON FUNCTION ledger.instant IS 'An instant from milliseconds since 1970, UTC: the contract''s own.';

CREATE FUNCTION ledger.milliseconds(instant timestamptz) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT (extract(epoch FROM instant) * 1000)::bigint
$$;
COMMENT ON FUNCTION ledger.milliseconds IS 'Milliseconds since 1970, UTC, of an instant.';
