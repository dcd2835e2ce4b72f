"""How reading a value fails; none of the messages holds a value's content."""


class Undecodable(ValueError):
    """Bytes that are not a value of the schema: a dead letter (contracts.md, Wire format)."""


class UnusableSchema(ValueError):
    """A schema that is broken, or that values cannot be read by."""


class SchemaNotFound(Undecodable):
    """The registry answered that it does not know the schema's id."""


class RegistryUnreachable(Exception):
    """The registry gave no usable answer: wait and ask again. Nothing is known of the schema."""


class RegistryRefused(Exception):
    """The registry will not take one of our schemas: somebody must look."""
