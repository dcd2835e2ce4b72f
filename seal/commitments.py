"""A record's leaf: its fields, the salts of their commitments, and whose secret these are derived from."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

from schemas.avro.canonical import canonical
from schemas.avro.errors import RegistryNotSet, SchemaNotFound, UnusableSchema
from schemas.avro.framing import CONFLUENT, CONFLUENT_SIZE, SINGLE_OBJECT_SIZE, confluent_id, single_object
from schemas.avro.loader import load, released
from schemas.contract.topics import TOPICS
from seal.proofs import CONTACT_FIELDS, SALT, Place, commitment, leaf_data, leaf_hash, read_value
from seal.splitting import Split, splitter
from service.log_record import LogRecord

SEALED: Final = (
    "decisions", "calls", "call-results", "dispatches", "dispatch-reports", "operator-actions", "alerts", "attention",
    "signals", "quarantine",
)  # fmt: skip
# Of a site and a contact (empty: the site's own), for a record; None: destroyed.
Secret: TypeAlias = Callable[[str, str, Place], bytes | None]
_EMPTY: Final = hashlib.sha256()  # copying costs half of making one
_SALTS: Final = f"{SALT}s"  # the format of one
_LONGEST_ID: Final = 256  # characters; contracts.md allows 128 bytes
_NOT_SET: Final = (
    "values of {} are framed for a schema registry, and registry.url is not set: set it as the workers have it"
)
_AROUND: Final = ("key", "headers")  # what a leaf covers besides the value


class Layout(NamedTuple):
    """What a topic and a schema make of a record. ``schema``: as `leaf_data` takes it."""

    schema: str
    names: tuple[str, ...]
    joined: str  # the names, as `leaf_data` takes them
    split: Split  # of the value
    personal: tuple[int, ...]  # the places of a contact's fields
    contact_at: int | None  # the place of ``contact_id``
    contact_type: Any


class Parts(NamedTuple):
    """A record in its fields, and whose they are. ``contact_id`` is empty where it names none."""

    place: Place
    layout: Layout
    fields: list[bytes]
    site_id: str
    contact_id: str

    @property
    def personal(self) -> tuple[int, ...]:
        """The places of the fields that the contact's secret covers."""
        return self.layout.personal if self.contact_id else ()

    @property
    def owners(self) -> tuple[tuple[str, str], ...]:
        """Whose secrets it takes."""
        site = (self.site_id, "")
        return (site, (self.site_id, self.contact_id)) if self.contact_id else (site,)


class SaltedField(NamedTuple):
    """A field with its salt; None: the secret is destroyed."""

    name: str
    data: bytes
    salt: bytes | None
    is_personal: bool


class Leaf(NamedTuple):
    """A record's leaf, with what opens it."""

    place: Place
    schema: str
    fields: list[SaltedField]

    def meets(self, kept: bytes, personal: bytes) -> bool:
        """Whether this gives the hash that is kept, as far as that can be known: not once the site is erased.

        ``personal``: the commitments of the contact's fields, which are kept too.
        """
        if any(field.salt is None and not field.is_personal for field in self.fields):
            return True
        made = []
        for field in self.fields:
            erased, personal = (personal[:SALT], personal[SALT:]) if field.is_personal else (b"", personal)
            made.append(erased if field.salt is None else commitment(field.salt, field.data))
        names = " ".join(field.name for field in self.fields)
        return leaf_hash(leaf_data(self.place, self.schema, names, made)) == kept


class SealedLeaf(NamedTuple):
    """What is kept of a record. ``personal``: the commitments of its contact's fields."""

    offset: int
    hash: bytes
    personal: bytes


class Commitments:
    """Splits records into fields. ``registry`` finds the schema of an id, where values are framed for one."""

    def __init__(self, secret: Secret, registry: Callable[[int], Any] | None = None) -> None:
        self._secret = secret
        self._registry = registry
        self.schemas: dict[str, str] = {}  # canonical forms of those met, by their SHA-256 in hex
        self._by_header: dict[str, dict[bytes, Layout | None]] = {}

    def parts(self, record: LogRecord) -> Parts:
        """Split a record. One whose schema nobody knows, or that is none of its schema, has its value as one field.

        Raises `RegistryNotSet` for a worker's value behind an id where there is no registry: as one field, it would be
        in no dossier, and for good.
        """
        value = record.value or b""
        size = CONFLUENT_SIZE if value[:1] == CONFLUENT else SINGLE_OBJECT_SIZE
        layout = self._layout(record.topic, value[:size])
        parts = None if layout is None else _split(record, layout, size)
        if parts is not None:
            return parts
        if self._registry is None and TOPICS[record.topic].way == "out" and any(self._behind_id(record)):
            raise RegistryNotSet(_NOT_SET.format(record.topic))
        return _whole(record)

    def seal(self, parts: Parts) -> SealedLeaf:
        """Return what to keep. A field whose secret is destroyed gets a salt that nobody keeps."""
        place, layout, fields, *_ = parts
        made, copy = [], _EMPTY.copy
        for salt, data in zip(self._salts(parts), fields, strict=True):
            commit = copy()
            commit.update((salt or os.urandom(SALT)) + data)
            made.append(commit.digest())
        personal = b"".join([made[at] for at in parts.personal])
        hashed = leaf_hash(leaf_data(place, layout.schema, layout.joined, made))
        return SealedLeaf(place.offset, hashed, personal)

    def leaf(self, record: LogRecord) -> Leaf:
        """Return the leaf of a record, with what opens it."""
        return self._opened(self.parts(record))

    def _opened(self, parts: Parts) -> Leaf:
        personal = parts.personal
        fields = [
            SaltedField(name, data, salt, at in personal)
            for at, (name, data, salt) in enumerate(
                zip(parts.layout.names, parts.fields, self._salts(parts), strict=True)
            )
        ]
        return Leaf(parts.place, parts.layout.schema, fields)

    def kept_leaf(self, record: LogRecord, kept: bytes, personal: bytes) -> Leaf:
        """Return the leaf of a record that meets what is kept of it; where none does, the one that it should have.

        What was sealed while nobody knew its schema, before an upgrade for one, has its value as one field. Where the
        registry was made again since, its id names no schema, or another: workers and edges write by the topic's own.
        """
        leaf = self.leaf(record)
        if leaf.meets(kept, personal):
            return leaf
        others = map(self._opened, (*self._behind_id(record), _whole(record)))
        return next((other for other in others if other.meets(kept, personal)), leaf)

    def _salts(self, parts: Parts) -> list[bytes | None]:
        place, _, fields, site_id, contact_id = parts
        salted = f"{place.topic}\0{place.partition}\0{place.offset}\0".encode()
        salts = _derived(self._secret(site_id, "", place), salted, len(fields))
        if contact_id:
            secret = self._secret(site_id, contact_id, place)
            for at, salt in zip(parts.personal, _derived(secret, salted, len(parts.personal)), strict=True):
                salts[at] = salt
        return salts

    def _behind_id(self, record: LogRecord) -> Iterator[Parts]:
        """Yield what the topic's own schemas make of a value that begins with any id of a registry."""
        if (record.value or b"")[:1] == CONFLUENT:
            of_topic = [layout for header, layout in self._layouts(record.topic).items() if header[:1] != CONFLUENT]
            split = (_split(record, layout, CONFLUENT_SIZE) for layout in of_topic if layout is not None)
            yield from (parts for parts in split if parts is not None)

    def _layouts(self, topic: str) -> dict[bytes, Layout | None]:
        """Return the layouts of a topic by the headers of their values: of its own schemas, and of ids met so far."""
        known = self._by_header.get(topic)
        if known is None:
            name = TOPICS[topic].schema or ""
            versions = [load(name), *released(name).values()]
            known = {single_object(version): self._known(topic, version) for version in versions}
            self._by_header[topic] = known
        return known

    def _layout(self, topic: str, header: bytes) -> Layout | None:
        known = self._layouts(topic)
        if header not in known and header[:1] == CONFLUENT and len(header) == CONFLUENT_SIZE and self._registry:
            try:
                schema = self._registry(confluent_id(header))
            except SchemaNotFound:  # the registry asks again after a while
                return None
            except UnusableSchema:
                known[header] = None
            else:
                known[header] = self._layout_of_anybody(topic, schema)
        return known.get(header)

    def _layout_of_anybody(self, topic: str, schema: Any) -> Layout | None:
        """Return the layout of a schema; None: it is no record's, or has what cannot be split, such as itself."""
        try:
            return self._known(topic, schema) if schema["type"] == "record" else None
        except Exception:  # noqa: BLE001  # a schema of a registry may come from anybody
            return None

    def _known(self, topic: str, schema: Any) -> Layout:
        form = canonical(schema)
        of_value, split = splitter(schema)
        digest = hashlib.sha256(form.encode()).hexdigest()
        self.schemas[digest] = form
        names = (*_AROUND, *of_value)
        personal = CONTACT_FIELDS.get(topic, ())
        types = {field["name"]: field["type"] for field in schema["fields"]}
        at = names.index("contact_id") if personal and "contact_id" in types else None
        places = () if at is None else tuple(names.index(name) for name in personal if name in types)
        return Layout(digest, names, " ".join(names), split, places, at, types.get("contact_id"))


_WHOLE: Final = Layout("", (*_AROUND, "value"), "key headers value", lambda data, _: [data], (), None, None)


def _whole(record: LogRecord) -> Parts:
    return _parts(record, _WHOLE, [*_around(record), record.value or b""], "")


def _split(record: LogRecord, layout: Layout, size: int) -> Parts | None:
    """Split a record whose value stands behind a header of ``size``; None: it is none of the layout's schema."""
    try:
        of_value = layout.split(record.value or b"", size)
    except (ValueError, IndexError):
        return None
    at = layout.contact_at
    fields = [*_around(record), *of_value]
    return _parts(record, layout, fields, "" if at is None else _contact(layout.contact_type, fields[at]))


def _around(record: LogRecord) -> tuple[bytes, bytes]:
    return record.key or b"", _headers(record.headers) if record.headers else b""


def _parts(record: LogRecord, layout: Layout, fields: list[bytes], contact_id: str) -> Parts:
    place = Place(record.topic, record.partition, record.offset, record.timestamp)
    return Parts(place, layout, fields, owner_name(fields[0].decode(errors="replace")), owner_name(contact_id))


def _derived(secret: bytes | None, salted: bytes, count: int) -> list[Any]:
    """Derive the salts of so many fields: HMAC-SHA256 of ``salted`` and the field's number, 4 bytes from 1.

    PBKDF2 with one iteration is exactly that for each of its blocks, and costs a fifth of as many calls.
    """
    if secret is None:
        return [None] * count
    block = hashlib.pbkdf2_hmac("sha256", secret, salted, 1, count * SALT)
    return list(struct.unpack(_SALTS * count, block))


def owner_name(text: str) -> str:
    """Return an id as a column of an index takes it: without NUL, half characters, and of a bounded length.

    A key may be any bytes; an id of contracts.md is kept as it is.
    """
    if len(text) > _LONGEST_ID or "\0" in text or not text.isprintable():
        return f"sha256:{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()}"
    return text


def _contact(kind: Any, data: bytes) -> str:
    """Return the contact that a record names; empty: none, or no text."""
    try:
        return str(read_value(kind, data, 0)[0] or "")
    except (ValueError, LookupError):
        return ""


def _headers(headers: Any) -> bytes:
    return b"".join(
        len(part).to_bytes(4, "big") + part
        for name, value in headers
        for part in (name.encode(errors="surrogateescape"), value.encode() if isinstance(value, str) else value or b"")
    )
