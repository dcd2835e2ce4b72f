"""A client of a Confluent schema registry, for the Confluent framing.

It tells apart what matters to a worker: no usable answer (wait) and *not found* (a dead letter). What it
once learned is kept on disk, so that a worker restarts while the registry is down. The disk is asked only then: a
registry may have been made again under the same address, and its ids name other schemas.
"""

import hashlib
import json
import os
import ssl
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import httpx

from schemas.avro.canonical import canonical, fingerprint
from schemas.avro.errors import RegistryRefused, RegistryUnreachable, SchemaNotFound, UnusableSchema
from schemas.avro.loader import Schema
from schemas.contract.promises import PROMISES
from service.registry_settings import RegistrySettings

# The registry's own codes, in the body of its 404: anything else that answers 404 is not the registry.
SUBJECT_NOT_FOUND: Final = 40401
SCHEMA_NOT_FOUND: Final = 40403
LARGEST_ID: Final = 2**31 - 1
LARGEST_SCHEMA: Final = 1_000_000  # characters
# A flood of values with an unknown id asks once in so many seconds.
ASK_AGAIN_SECONDS: Final = 30.0
# A flood of values with ever new unknown ids must not fill the memory: forget the oldest id beyond so many.
LARGEST_NOT_FOUND: Final = 1024
# A registry that did not answer is not asked for so long what the disk knows: each question may take a time-out.
_AWAY_SECONDS: Final = 5.0

_ATTEMPT_SECONDS: Final = 5.0

_AVRO: Final = "AVRO"
_ACCEPT: Final = "application/vnd.schemaregistry.v1+json, application/json"


class _Question(NamedTuple):
    """What the registry is asked. ``look_up`` asks for it again and registers nothing."""

    title: str
    ask: Callable[[], dict[str, Any]]
    look_up: Callable[[], dict[str, Any]]
    named: Schema | None = None  # what an id is asked for


class _Fact(NamedTuple):
    """An answer that this process goes by."""

    question: _Question
    answer: dict[str, Any]
    is_confirmed: bool  # the registry itself said so to this process


def client(settings: RegistrySettings) -> httpx.Client:
    """A client of the registry of the settings, which have its ``url``.

    Its own authorities are nobody else's: SSL_CERT_FILE would be of all clients of the process.
    """
    assert settings.url is not None
    trusted = True if settings.ca_file is None else ssl.create_default_context(cafile=str(settings.ca_file))
    return httpx.Client(base_url=settings.url, timeout=_ATTEMPT_SECONDS, verify=trusted)


def registry_of(settings: RegistrySettings, folder: Path) -> "Registry | None":
    """The registry of the settings, for as long as the process lives; None: they have none."""
    return None if settings.url is None else Registry(client(settings), folder)


class Registry:
    """One registry, and what is known of it on disk under ``folder``.

    ``client`` is how to reach it: an httpx client whose ``base_url`` is the registry's (credentials, TLS and
    time-outs are its own).
    """

    def __init__(self, client: httpx.Client, folder: Path) -> None:
        self._client = client
        address = client.base_url
        if address.userinfo:
            # httpx logs the address of every request, whole.
            client.auth = (address.username, address.password)
            client.base_url = address.copy_with(userinfo=b"")
        # Ids mean something only within one registry.
        self._folder = folder / hashlib.blake2b(str(client.base_url).encode(), digest_size=8).hexdigest()
        self._not_found: dict[int, float] = {}  # id -> when to ask again, monotonic
        self._facts: dict[Path, _Fact] = {}
        self._away_until = 0.0  # monotonic
        self._is_unwritable = False  # and the warning about it given
        self._warnings: list[str] = []

    def schema(self, schema_id: int) -> Any:
        """The schema that a producer registered as ``schema_id``; it need be no record.

        SchemaNotFound: the registry does not know it. UnusableSchema: it is not Avro, too long, or refers to others.
        RegistryUnreachable: nothing is known; wait.
        """
        file = self._folder / "schemas" / f"{schema_id}.json"

        def ask() -> dict[str, Any]:
            return self._ask_schema(schema_id)

        return _avro(self._learn(file, _Question(f"schema {schema_id}", ask, ask)), schema_id)

    def id_of(self, subject: str, schema: Schema) -> int:
        """The id of one of our schemas under ``subject``, registering it where that was not done.

        A subject that is not there yet is made with the compatibility that is promised for the schema.
        RegistryUnreachable: wait. RegistryRefused: it is not compatible with the subject's other versions.
        """
        file = self._folder / "ids" / f"{quote(subject, safe='')}-{fingerprint(schema).hex()}.json"
        question = _Question(
            f"the id of {schema['name']} under {subject}",
            lambda: self._ask_id(subject, schema),
            lambda: self._look_up_id(subject, schema),
            schema,
        )
        return int(self._learn(file, question)["id"])

    def register(self, subject: str, schema: Schema) -> int:
        """The id of a schema under a subject by the registry's own word, not the disk's; raises as `id_of`."""
        return int(self._ask_id(subject, schema)["id"])

    @property
    def is_confirmed(self) -> bool:
        """Whether the registry itself has answered for all that this process goes by, and not the disk."""
        return all(fact.is_confirmed for fact in self._facts.values())

    def changes(self) -> list[str]:
        """Return the registry's answers that differ from those this process goes by: it was made again.

        RegistryUnreachable: it cannot be compared now.
        """
        changes = []
        for file, fact in list(self._facts.items()):
            try:
                now = fact.question.look_up()
            except _NotFound:
                now = None
            except SchemaNotFound:
                now = fact.answer  # what it named is read by what is known of it: nothing else can have that id
            if self._is_other(fact.question, fact.answer, now):
                changes.append(_difference(fact.question.title, fact.answer, now))
            self._facts[file] = fact._replace(is_confirmed=True)
        return changes

    def take_warnings(self) -> list[str]:
        """Sentences to log, each returned once: the registry differs from the disk; the disk cannot be written."""
        warnings, self._warnings = self._warnings, []
        return warnings

    def set_compatibility(self, subject: str, compatibility: str) -> None:
        """Set what the registry demands of the subject's next versions.

        RegistryUnreachable: wait. RegistryRefused: it does not let us.
        """
        path = f"config/{quote(subject, safe='')}"
        response = self._request("PUT", path, {"compatibility": compatibility})
        if response.status_code in range(400, 500):
            raise RegistryRefused(
                f"the schema registry did not set {subject} to {compatibility} (HTTP {response.status_code}): "
                "check that these credentials may change a subject's compatibility"
            )
        _answer(response, "compatibility", str)

    def _learn(self, file: Path, question: _Question) -> dict[str, Any]:
        """Return the registry's answer, asked for once in this process; the disk's while it does not answer."""
        fact = self._facts.get(file)
        if fact is not None and fact.is_confirmed:
            return fact.answer
        kept = _read(file)
        if kept is not None and time.monotonic() < self._away_until:
            return self._keep(file, _Fact(question, kept, is_confirmed=False))
        try:
            answer = question.ask()
            is_other = kept is not None and self._is_other(question, kept, answer)
        except RegistryUnreachable:
            if kept is None:
                raise
            self._away_until = time.monotonic() + _AWAY_SECONDS
            return self._keep(file, _Fact(question, kept, is_confirmed=False))
        except SchemaNotFound:
            if kept is None:
                raise
            # Only a value from before the registry was made again can have this id; what it is was learned then.
            return self._keep(file, _Fact(question, kept, is_confirmed=True))
        if kept is None or _meaning(kept) != _meaning(answer):
            if kept is not None and is_other:
                told = _difference(question.title, kept, answer)
                self._warnings.append(f"the schema registry was made again: {told}")
            self._write(file, answer)
        return self._keep(file, _Fact(question, answer, is_confirmed=True))

    def _is_other(self, question: _Question, before: dict[str, Any], now: dict[str, Any] | None) -> bool:
        """Whether what was gone by is not so any more. ``now``: the answer to a look-up; None, there is none.

        A schema whose docs alone were improved has another id, or none yet: the one of before is as good while it
        names the schema.
        """
        if now is not None and _meaning(before) == _meaning(now):
            return False
        if question.named is None:
            return True
        try:
            named = _avro(self._ask_schema(before["id"]), before["id"])
        except (SchemaNotFound, UnusableSchema):
            return True
        return fingerprint(named) != fingerprint(question.named)

    def _keep(self, file: Path, fact: _Fact) -> dict[str, Any]:
        self._facts[file] = fact
        return fact.answer

    def _write(self, file: Path, answer: dict[str, Any]) -> None:
        """A disk that takes nothing costs a wait when the registry is away at the next start, and no more."""
        error = _write(file, answer)
        if error is not None and not self._is_unwritable:
            self._is_unwritable = True
            self._warnings.append(
                f"{self._folder.parent} cannot be written ({error}), so schemas are not kept: after a restart this "
                "process waits until the schema registry answers. Set data_dir to a folder that it may write to"
            )

    def _ask_schema(self, schema_id: int) -> dict[str, Any]:
        now = time.monotonic()
        # No registry gives an id of more than 31 bits; asked for one, they answer what they like.
        if schema_id > LARGEST_ID or self._not_found.get(schema_id, now) > now:
            raise SchemaNotFound(f"the schema registry does not know schema {schema_id}")
        try:
            response = self._request("GET", f"schemas/ids/{schema_id}")
            answer = _answer(response, "schema", str)
        except _NotFound:
            self._not_found.pop(schema_id, None)  # the newest stands last
            self._not_found[schema_id] = now + ASK_AGAIN_SECONDS
            if len(self._not_found) > LARGEST_NOT_FOUND:
                del self._not_found[next(iter(self._not_found))]
            raise SchemaNotFound(f"the schema registry does not know schema {schema_id}") from None
        # What else the registry says of it may be of any size.
        return {
            "schema": answer["schema"][: LARGEST_SCHEMA + 1],
            "schemaType": str(answer.get("schemaType", _AVRO)),
            "references": bool(answer.get("references")),
        }

    def _look_up_id(self, subject: str, schema: Schema) -> dict[str, Any]:
        """The id under which the subject has the schema; _NotFound."""
        response = self._request("POST", _path(subject), {"schema": json.dumps(schema)})
        return {"id": _answer(response, "id", int)["id"]}

    def _ask_id(self, subject: str, schema: Schema) -> dict[str, Any]:
        try:
            return self._look_up_id(subject, schema)
        except _NotFound as missing:
            is_new = missing.code == SUBJECT_NOT_FOUND
        response = self._request("POST", f"{_path(subject)}/versions", {"schema": json.dumps(schema)})
        if response.status_code in {409, 422}:
            raise RegistryRefused(
                f"the schema registry refused our schema for {subject} (HTTP {response.status_code}): "
                "compare the subject's versions and compatibility with ours"
            )
        answer = _answer(response, "id", int)
        if is_new and schema["name"] in PROMISES:
            # `ronde schemas register` tells where this is not allowed; no value waits for it.
            with suppress(RegistryRefused, RegistryUnreachable):
                self.set_compatibility(subject, PROMISES[schema["name"]])
        return {"id": answer["id"]}

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        try:
            return self._client.request(method, path, json=body, headers={"Accept": _ACCEPT})
        except httpx.HTTPError as error:
            raise RegistryUnreachable(f"the schema registry does not answer: {type(error).__name__}") from error


class _NotFound(Exception):
    """The registry itself says that there is no such schema or subject."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def _path(subject: str) -> str:
    return f"subjects/{quote(subject, safe='')}"


def _meaning(answer: dict[str, Any]) -> Any:
    """What must be the same in two answers: the id; or the schema, however it is written, its type and references."""
    if "schema" not in answer:
        return answer["id"]
    try:
        schema = json.loads(answer["schema"])
    except (ValueError, RecursionError, TypeError):
        schema = answer["schema"]
    return schema, answer.get("schemaType", _AVRO), answer.get("references") or []


def _difference(title: str, before: dict[str, Any], now: dict[str, Any] | None) -> str:
    if "schema" in before:
        return f"{title} is another schema than before"
    if now is None:
        return f"{title} was {before['id']}, and is not registered now"
    return f"{title} is {now['id']}, and was {before['id']}"


def _answer(response: httpx.Response, field: str, kind: type) -> dict[str, Any]:
    """The body of a good answer, which has ``field``; _NotFound; else RegistryUnreachable."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict):
        if response.status_code == 200 and isinstance(body.get(field), kind):
            return body
        if response.status_code == 404 and body.get("error_code") in {SUBJECT_NOT_FOUND, SCHEMA_NOT_FOUND}:
            raise _NotFound(body["error_code"])
    raise RegistryUnreachable(
        f"the schema registry gives no usable answer (HTTP {response.status_code}): check its address and credentials"
    )


def _avro(answer: dict[str, Any], schema_id: int) -> Any:
    if answer.get("schemaType", _AVRO) != _AVRO or answer.get("references"):
        raise UnusableSchema(f"schema {schema_id} of the registry is not one self-contained Avro schema")
    text = answer["schema"]
    if len(text) > LARGEST_SCHEMA:
        raise UnusableSchema(f"schema {schema_id} of the registry has more than {LARGEST_SCHEMA:,} characters")
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnusableSchema(f"schema {schema_id} of the registry is not JSON") from error
    canonical(schema)  # raises where it is no schema
    return schema


def _read(file: Path) -> dict[str, Any] | None:
    """Return the answers of earlier processes; None without any, or if the file is broken."""
    try:
        answer = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(answer, dict):
        return None
    return answer if isinstance(answer.get("schema"), str) or isinstance(answer.get("id"), int) else None


def _write(file: Path, answer: dict[str, Any]) -> str | None:
    """Write the file whole or not at all, beside other processes; return what the system says where that fails."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as temporary:
                json.dump(answer, temporary)
                temporary.flush()
                os.fsync(temporary.fileno())
            Path(name).replace(file)
        except OSError:
            with suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        return error.strerror or type(error).__name__
    return None
