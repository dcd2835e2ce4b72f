-- A month is made table by table, each in a transaction of its own: whoever reads two tables at once, as a dump does,
-- and whoever makes a month never wait for each other.

CREATE FUNCTION ledger.add_month(parent regclass, month date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    name text;
    time_column text := substring(pg_get_partkeydef(parent) FROM '\((.*)\)');
    first timestamptz := date_trunc('month', month::timestamp) AT TIME ZONE 'UTC';
    next timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') AT TIME ZONE 'UTC';
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('ledger.add_month'));
    SELECT relname || to_char(month, '"_y"YYYY"m"MM') INTO name FROM pg_class WHERE oid = parent;
    IF to_regclass(format('ledger.%I', name)) IS NULL THEN
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
END
$$;
COMMENT ON FUNCTION ledger.add_month(regclass, date) IS 'Makes the partition of a month for one table, if it is missing.';

CREATE OR REPLACE FUNCTION ledger.add_month(month date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    parent regclass;
BEGIN
    FOR parent IN SELECT ledger.partitioned_tables() LOOP
        PERFORM ledger.add_month(parent, month);
    END LOOP;
END
$$;

CREATE FUNCTION ledger.without_month(month date) RETURNS SETOF regclass
LANGUAGE sql STABLE AS $$
    SELECT parent
    FROM ledger.partitioned_tables() AS parent
    JOIN pg_class AS class ON class.oid = parent
    WHERE to_regclass(format('ledger.%I', class.relname || to_char(month, '"_y"YYYY"m"MM'))) IS NULL
$$;
COMMENT ON FUNCTION ledger.without_month IS 'The tables that have no partition for the month of a day.';
