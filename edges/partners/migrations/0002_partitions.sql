-- How far `dispatches` was read, for pages to say how old they are.

CREATE TABLE partners.partitions (
    number integer PRIMARY KEY,
    read_at bigint NOT NULL
);
COMMENT ON TABLE partners.partitions IS 'The partitions of dispatches; written once a second by the processes that read them.';
COMMENT ON COLUMN partners.partitions.number IS 'The partition.';
COMMENT ON COLUMN partners.partitions.read_at IS 'When all its commands up to its high watermark were last stored.';
