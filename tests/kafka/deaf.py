"""A worker with clients that no broker answers, as librdkafka's are once they have lost all (librdkafka #5301).

None says so on purpose, so a client that asks at a port where nobody listens stands for one. ``TEST_DEAF`` is a
property, with its value, by which these clients are known. What takes minutes takes a second.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Final

from confluent_kafka import Consumer

VARIABLE: Final = "TEST_DEAF"
PYTHON: Final = ("-c", "from tests.kafka.deaf import main; main()")


def main() -> None:
    """Be `ronde` with these clients."""
    from service import hearing  # noqa: PLC0415
    from streams.kafka import clients  # noqa: PLC0415
    from streams.worker import silent_client  # noqa: PLC0415

    def consumer(properties: dict[str, Any], **how: Any) -> Consumer:
        name, _, value = os.environ[VARIABLE].partition("=")
        nowhere = {"bootstrap.servers": "127.0.0.1:1"} if str(properties.get(name)) == value else {}
        return Consumer({**properties, **nowhere}, **how)

    clients.Consumer = consumer  # type: ignore[assignment,attr-defined]
    hearing._QUIET_SECONDS = 0.1  # type: ignore[misc]
    silent_client.SILENT_SECONDS = silent_client.FOUND_SECONDS = 1.0  # type: ignore[misc,attr-defined]
    silent_client._LOOK_SECONDS = 0.1  # type: ignore[misc]
    from ronde.cli import main as ronde  # noqa: PLC0415

    sys.argv[0] = "ronde"
    ronde()
