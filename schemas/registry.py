"""A client of a Confluent schema registry, for the Confluent framing.

It tells apart what matters to a worker: no usable answer (wait) and *not found* (a dead letter). What it
once learned is kept on disk, so that a worker restarts while the registry is down.
"""

import hashlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx

from schemas.canonical import canonical, fingerprint
from schemas.errors import RegistryRefused, RegistryUnreachable, SchemaNotFound, UnusableSchema
from schemas.loader import Schema

# The registry's own codes, in the body of its 404: anything else that answers 404 is not the registry.
SUBJECT_NOT_FOUND: Final = 40401
SCHEMA_NOT_FOUND: Final = 40403
LARGEST_ID: Final = 2**31 - 1
LARGEST_SCHEMA: Final = 1_000_000  # characters
# A flood of values with an unknown id asks once in so many seconds.
ASK_AGAIN_SECONDS: Final = 30.0

_AVRO: Final = "AVRO"
_ACCEPT: Final = "application/vnd.schemaregistry.v1+json, application/json"


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

    def schema(self, schema_id: int) -> Any:
        """The schema that a producer registered as ``schema_id``; it need be no record.

        SchemaNotFound: the registry does not know it. UnusableSchema: it is not Avro, too long, or refers to others.
        RegistryUnreachable: nothing is known; wait.
        """
        file = self._folder / "schemas" / f"{schema_id}.json"
        answer = _read(file)
        if answer is None:
            answer = self._ask_schema(schema_id)
            _write(file, answer)
        return _avro(answer, schema_id)

    def id_of(self, subject: str, schema: Schema) -> int:
        """The id of one of our schemas under ``subject``, registering it where that was not done.

        RegistryUnreachable: wait. RegistryRefused: it is not compatible with the subject's other versions.
        """
        file = self._folder / "ids" / f"{quote(subject, safe='')}-{fingerprint(schema).hex()}.json"
        answer = _read(file)
        if answer is None:
            answer = self._ask_id(subject, schema)
            _write(file, answer)
        return int(answer["id"])

    def _ask_schema(self, schema_id: int) -> dict[str, Any]:
        now = time.monotonic()
        # No registry gives an id of more than 31 bits; asked for one, they answer what they like.
        if schema_id > LARGEST_ID or self._not_found.get(schema_id, now) > now:
            raise SchemaNotFound(f"the schema registry does not know schema {schema_id}")
        try:
            response = self._request("GET", f"schemas/ids/{schema_id}")
            answer = _answer(response, "schema", str)
        except _NotFound:
            self._not_found[schema_id] = now + ASK_AGAIN_SECONDS
            raise SchemaNotFound(f"the schema registry does not know schema {schema_id}") from None
        # What else the registry says of it may be of any size.
        return {
            "schema": answer["schema"][: LARGEST_SCHEMA + 1],
            "schemaType": str(answer.get("schemaType", _AVRO)),
            "references": bool(answer.get("references")),
        }

    def _ask_id(self, subject: str, schema: Schema) -> dict[str, Any]:
        path = f"subjects/{quote(subject, safe='')}"
        body = {"schema": json.dumps(schema)}
        try:
            answer = _answer(self._request("POST", path, body), "id", int)
        except _NotFound:
            response = self._request("POST", f"{path}/versions", body)
            if response.status_code in {409, 422}:
                raise RegistryRefused(
                    f"the schema registry refused our schema for {subject} (HTTP {response.status_code}): "
                    "compare the subject's versions and compatibility with ours"
                ) from None
            answer = _answer(response, "id", int)
        return {"id": answer["id"]}

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        try:
            return self._client.request(method, path, json=body, headers={"Accept": _ACCEPT})
        except httpx.HTTPError as error:
            raise RegistryUnreachable(f"the schema registry does not answer: {type(error).__name__}") from error


class _NotFound(Exception):
    """The registry itself says that there is no such schema or subject."""


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
            raise _NotFound
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
    """What was learned before; None where nothing was, or the file is broken."""
    try:
        answer = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(answer, dict):
        return None
    return answer if isinstance(answer.get("schema"), str) or isinstance(answer.get("id"), int) else None


def _write(file: Path, answer: dict[str, Any]) -> None:
    """Whole or not at all, whoever else writes it at the same time.

    A disk that takes nothing costs a question after the next start, and no more.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as temporary:
            json.dump(answer, temporary)
            temporary.flush()
            os.fsync(temporary.fileno())
        Path(name).replace(file)
    except OSError:
        return
