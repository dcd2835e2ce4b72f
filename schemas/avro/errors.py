"""How reading a value fails; none of the messages holds a value's content."""


class Undecodable(ValueError):
    """Bytes that are not a value of the schema: a dead letter (contracts.md, Wire format)."""


class NoRegistry(Undecodable):
    """A value behind a registry's id, and no registry is set.

    Of an input it says no more than Undecodable: its sender alone chose the header, and workers without a registry
    refuse it. Of an output it is a fault of the settings: `schemas.avro.decoder.of_output`.
    """


class UnusableSchema(ValueError):
    """A schema that is broken, or that values cannot be read by."""


class SchemaNotFound(Undecodable):
    """The registry answered that it does not know the schema's id."""


class SchemaRefused(Undecodable):
    """The schema that a value's header names is none by which values can be read here."""


class RegistryNotSet(Exception):
    """Workers wrote an output with a registry, and ``registry.url`` is not set here: no record is at fault."""


class RegistryUnreachable(Exception):
    """The registry gave no usable answer: wait and ask again. Nothing is known of the schema."""


class RegistryRefused(Exception):
    """The registry will not take one of our schemas: somebody must look."""
