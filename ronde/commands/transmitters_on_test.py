"""`ronde transmitters test`: what the next frame of an account is taken for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from edges.kafka.errors import TopicsDifferError
from edges.kafka.framing import Framing
from edges.kafka.view import Entry, FromTime, Reading, View
from edges.values import Signal
from ronde.commands.transmitters_show import AccountArgument
from ronde.shared.accounts import account_of
from ronde.shared.errors import Failed, failing_on
from ronde.shared.ledger_options import PersonalOption
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.terminal import print_value, say
from ronde.shared.topic_reading import broker_errors_as_failures
from ronde.shared.whole_settings import WholeSettings
from ronde.views.signals import as_object, print_signal
from service import logs
from service.clock import now_ms
from streams.kafka.access import require
from streams.kafka.acl import Grant

_ROLE: Final = "receiver"
_START_SECONDS: Final = 30.0
_REST_SECONDS: Final = 0.5  # for the other events of the same frame


def wait_for_frame(
    account: AccountArgument,
    wait: Annotated[float, typer.Option(metavar="SECONDS", min=1, max=86_400, help="For a frame.")] = 300.0,
    personal: PersonalOption = False,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Wait for the next frame of an account, and say what the receiver took it for.

    Link tests leave no record: have the panel send an event. Exit 1 when nothing comes in time.
    """
    effective = in_force(settings)
    logs.configure(effective.log.format, "warning")  # to stderr; else a client's errors stand in the output
    name = account_of(account, "ACCOUNT")
    with broker_errors_as_failures():
        require(effective, _ROLE, [Grant("topic", effective.topic("signals"), "literal", ("READ",))])
    say(f"waiting {wait:g} s for a frame of {name}; put the site on test first (`ronde sites test`)", err=True)
    with failing_on(TopicsDifferError):
        found = asyncio.run(_next(effective, name, wait))
    if not found:
        raise Failed(
            f"no frame of {name} came within {wait:g} s: see whether the panel reaches the receiver, and whether it "
            "sends an event and not only link tests, which leave no record"
        )
    shown = [as_object(signal, personal=personal) for signal in found]
    if as_json:
        print_value({"signals": shown})
    else:
        for one in shown:
            print_signal(one)


async def _next(settings: WholeSettings, account: str, wait: float) -> list[Signal]:
    """The signals of the next frame of an account; none: none came. Raises `Failed` where they cannot be read."""
    connection = settings.for_edge(_ROLE, "cli", settings.receiver.data_dir)
    framing = Framing(connection)
    found: list[Signal] = []
    first = asyncio.Event()

    def take(entries: Sequence[Entry]) -> None:
        for entry in entries:
            signal: Signal = entry.value
            if signal.account == account and (not found or _frame(signal) == _frame(found[0])):
                found.append(signal)
                first.set()

    view = View(connection, {"signals": Reading(FromTime(now_ms()), framing.reader("signals"))}, take)
    view.start()
    try:
        try:
            await asyncio.wait_for(view.wait_read(), _START_SECONDS)
        except TimeoutError:
            if not found:
                raise Failed(
                    f"{connection.topic('signals')} could not be read to its end within {_START_SECONDS:g} s: see "
                    "whether Kafka has a leader for each of its partitions"
                ) from None
        await asyncio.wait_for(first.wait(), wait)
        await asyncio.sleep(_REST_SECONDS)
    except TimeoutError:
        pass
    finally:
        await view.stop()
        framing.close()
    return found


def _frame(signal: Signal) -> str:
    """What the signals of one frame have in common."""
    return signal.signal_id.rpartition("-")[0]
