"""A relay in a process of its own, to be killed: ``python -m tests.edges.portal.relay_child SETTINGS OWNER``."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from edges.kafka.framing import Framing
from edges.portal.relay import Relay, RelaySettings
from ronde.shared.whole_settings import WholeSettings
from streams.settings import load


def main() -> None:
    configuration = load(Path(sys.argv[1]), {}, WholeSettings).for_portal()
    framing = Framing(configuration.connection)
    relay = Relay(
        RelaySettings(sys.argv[2], configuration.connection, configuration.postgres),
        lambda: {topic: framing.writer(topic) for topic in ("sites", "transmitters")},
    )
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    relay.start()
    ended.wait()
    relay.stop()
    if relay.failure is not None:
        raise relay.failure


if __name__ == "__main__":
    main()
