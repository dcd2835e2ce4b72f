"""Places on a network: settings that no later use of them fails to read, and the address that pages are at."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, StringConstraints

_PORTS: Final = range(1, 65536)


def host_and_port(text: str) -> tuple[str, int]:
    """The two parts of HOST:PORT, an address of IPv6 without its brackets. Raises ValueError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or len(port) > len(str(_PORTS.stop)) or int(port) not in _PORTS:
        raise ValueError("it is no HOST:PORT, as 127.0.0.1:6070")
    return host_name(host.strip("[]")), int(port)


def host_name(text: str) -> str:
    """The same text, if it can be looked up. Raises ValueError."""
    try:
        text.encode("idna")  # every look-up begins so, and what it raises is no OSError
    except UnicodeError:
        raise ValueError("no name or address of a host is written so") from None
    return text


def _checked_host_and_port(text: str) -> str:
    host_and_port(text)
    return text


def address_of(host: str, port: int) -> str:
    """The address of pages: ``http://127.0.0.1:6071``, an address of IPv6 in brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


Host: TypeAlias = Annotated[str, StringConstraints(min_length=1), AfterValidator(host_name)]
HostAndPort: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^.+:[0-9]{1,5}$"), AfterValidator(_checked_host_and_port)
]
