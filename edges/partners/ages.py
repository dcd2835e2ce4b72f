"""How old what is shown is: the time since all commands were last read that Kafka has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.responses import Response

    from edges.partners.store import Store

LATE_SECONDS: Final = 5.0  # what is older says so
_HEADER: Final = "Ronde-Age"


async def age_header(store: Store, response: Response) -> None:
    """Give an answer its age in seconds; none where commands were never read to their end."""
    age = await store.age()
    if age is not None:
        response.headers[_HEADER] = f"{age:.1f}"
