"""The headers of a record, their names of any bytes.

confluent-kafka takes a name for UTF-8. Where it is none, `Message.headers` raises SystemError, and leaves behind its
list with nothing in the name's place; to touch that place ends the process.
"""

from __future__ import annotations

import gc
from operator import methodcaller
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, cast

if TYPE_CHECKING:
    import confluent_kafka

Headers: TypeAlias = list[tuple[str, str | bytes | None]]

# Stands for a name of which not even the bytes are known: of several, the client tells none for sure.
UNKNOWN_NAME: Final = r"\x??"
# A call that Python has specialised does not look for the error that the client has set beside its result.
_headers = methodcaller("headers")


class HasHeaders(Protocol):
    """A message of the client, or what stands for one."""

    def headers(self) -> Any:
        """Its headers, in order; None: it has none."""
        ...


def headers_of(message: HasHeaders) -> Headers:
    r"""The headers in order; of a name that is not UTF-8, each such byte is written as ``\xff``."""
    try:
        return cast("Headers", _headers(message) or [])
    except SystemError as error:
        return _mended(cast("confluent_kafka.Message", message), error)


def _mended(message: confluent_kafka.Message, error: SystemError) -> Headers:
    held: list[Any] = _headers(message) or []
    # The collector's view of a header leaves out the place with nothing in it.
    nameless = [len(gc.get_referents(header)) == 1 for header in held]
    name = _name(error) if sum(nameless) == 1 else UNKNOWN_NAME
    mended: Headers = [
        (name, header[1]) if is_nameless else header for header, is_nameless in zip(held, nameless, strict=True)
    ]
    message.set_headers(mended)
    return mended


def _name(error: BaseException | None) -> str:
    """The name that the client failed on, by its error."""
    while error is not None:
        if isinstance(error, UnicodeDecodeError):
            return error.object.decode("utf-8", "backslashreplace")
        error = error.__cause__
    return UNKNOWN_NAME
