"""The edges' Kafka: a `Producer` whose `send` is done when Kafka has it, a `View` that knows its age, a `Fetcher`."""
