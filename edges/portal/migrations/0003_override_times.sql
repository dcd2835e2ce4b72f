-- When overrides end: Unix milliseconds, as all instants of records. Some were written as text, which no record takes.

UPDATE portal.transmitters AS t
SET overrides = (
    SELECT jsonb_agg(
        CASE jsonb_typeof(o.override -> 'until')
            WHEN 'string' THEN jsonb_set(
                o.override,
                '{until}',
                to_jsonb(floor(extract(EPOCH FROM (o.override ->> 'until')::timestamptz) * 1000)::bigint)
            )
            ELSE o.override
        END
        ORDER BY o.place
    )
    FROM jsonb_array_elements(t.overrides) WITH ORDINALITY AS o (override, place)
)
WHERE jsonb_path_exists(t.overrides, '$[*].until ? (@.type() == "string")');
