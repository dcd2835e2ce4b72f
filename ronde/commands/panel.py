"""`ronde panel`: frames as a panel sends them, repeated until they are acknowledged (contracts.md, `ronde panel`)."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, TypeAlias

import typer

from edges.panel.dialler import Dialler, Outcome, Transport, Way
from edges.panel.messages import TEST, NotASignalError, Panel, Said, frame_of
from edges.receiver.content import Qualifier
from ronde.input_files.panel_scenario import ScenarioLine, scenario_of
from ronde.shared.accounts import account_of
from ronde.shared.errors import Failed, WrongUse
from ronde.shared.lines import opened
from ronde.shared.settings import JsonOption
from ronde.shared.terminal import say
from service.aes_keys import key_of
from service.clock import now_ms
from service.hosts import host_and_port

_MEANING: Final = {"DUH": "; refused: its key is wrong or missing"}

PlaceOption: TypeAlias = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", show_default=False, help="Where the receiver listens, by this way.")
]

AuthorityOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", show_default=False, help="With --tls: who signed the receiver's certificate."),
]
CertificateOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", show_default=False, help="With --tls: the panel's own, if one is demanded."),
]
CertificateKeyOption: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", show_default=False, help="Its key, if that is in another file.")
]


class _Signal(NamedTuple):
    """A signal to send, so many seconds from the start."""

    at: float
    account: str
    key: bytes | None
    said: Said


class _Sums:
    """What came of all signals; each is printed as it ends."""

    def __init__(self, *, as_json: bool) -> None:
        self.sent = 0
        self.acknowledged = 0
        self._as_json = as_json

    def add(self, signal: _Signal, outcome: Outcome) -> None:
        """Print one, and count it."""
        self.sent += 1
        self.acknowledged += outcome.is_acknowledged
        answer = None if outcome.answer is None else outcome.answer.kind
        code, zone, milliseconds = signal.said.code, signal.said.number, round(outcome.seconds * 1000)
        if self._as_json:
            value = {"account": signal.account, "code": code, "zone": zone, "answer": answer}
            typer.echo(json.dumps({**value, "attempts": outcome.attempts, "ms": milliseconds}))
            return
        what = " ".join(filter(None, (signal.account, code, zone and f"zone {zone}")))
        times = "1 frame" if outcome.attempts == 1 else f"{outcome.attempts} frames"
        say(f"{what}: {answer or 'no answer'} after {milliseconds} ms, {times}{_MEANING.get(answer or '', '')}")


def panel(
    account: Annotated[str, typer.Option(metavar="HEX", help="The panel's account, as in the panel.")] = "",
    code: Annotated[
        str, typer.Option(help="Three digits (Contact ID), two letters (SIA), or NULL: a link test.")
    ] = TEST,
    zone: Annotated[str, typer.Option(help="The zone, or the user, as the code has it.")] = "",
    partition: Annotated[str, typer.Option(help="The panel's partition (area).")] = "",
    qualifier: Annotated[Qualifier, typer.Option(help="Contact ID: the event begins, ends, is reported again.")] = (
        Qualifier.NEW
    ),
    text: Annotated[str, typer.Option(help="What the panel says beside.")] = "",
    key: Annotated[
        str, typer.Option(metavar="HEX|@FILE", help="The AES key, 16, 24 or 32 bytes, or a file that has it in hex.")
    ] = "",
    tcp: PlaceOption = None,
    udp: PlaceOption = None,
    tls: PlaceOption = None,
    ca: AuthorityOption = None,
    certificate: CertificateOption = None,
    certificate_key: CertificateKeyOption = None,
    count: Annotated[int, typer.Option(min=1, help="How often to send it.")] = 1,
    rate: Annotated[
        float | None, typer.Option(min=0.001, max=100_000, show_default=False, help="Signals a second, with --count.")
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(metavar="FILE", show_default=False, help="Signals of many panels, a line of JSON each."),
    ] = None,
    sequence: Annotated[int, typer.Option(min=1, max=9999, help="The number of the first frame.")] = 1,
    receiver: Annotated[
        str | None, typer.Option(metavar="HEX", show_default=False, help="The digits behind R.")
    ] = None,
    line: Annotated[str, typer.Option(metavar="HEX", help="The digits behind L.")] = "0",
    wait: Annotated[float, typer.Option(metavar="SECONDS", min=0.05, max=600, help="For an answer.")] = 5.0,
    attempts: Annotated[
        int | None,
        typer.Option(
            min=1, show_default=False, help="How often a frame is sent at the most. Else until it is answered."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Send a panel's frames to a receiver, and repeat each until it is acknowledged.

    Exit 1 when one is not: it was refused (DUH), or --attempts were in vain. With --json each signal is a line.
    """
    way = _way(tcp, udp, tls, ca, certificate, certificate_key)
    if scenario is not None:
        if code != TEST or count != 1 or rate is not None:
            raise WrongUse("--scenario says what is sent and when: leave out --code, --count and --rate")
        with opened(scenario) as lines:
            signals = [_of_line(one, account, key) for one in scenario_of(lines)]
    else:
        said = Said(code, zone, partition, qualifier, text)
        each = 0.0 if rate is None else 1 / rate
        name, secret = account_of(account, "--account"), _key(key)
        signals = [_Signal(number * each, name, secret, said) for number in range(count)]
    if not signals:
        raise WrongUse("there is nothing to send: the scenario has no line")
    sums = _Sums(as_json=as_json)
    panels = _by_panel(signals, Panel("", receiver, line))
    report = _reporter(way)
    asyncio.run(_send_all(panels, way, sums, sequence=sequence, wait_seconds=wait, attempts=attempts, report=report))
    if sums.acknowledged < sums.sent:
        raise Failed(f"{sums.sent - sums.acknowledged:,} of {sums.sent:,} signals were not acknowledged")


def _reporter(way: Way) -> Callable[[str], None]:
    """Print each error of the connections once, however often and for how many panels it comes."""
    reported: set[str] = set()

    def report(words: str) -> None:
        if words not in reported:
            reported.add(words)
            say(f"{way.host}:{way.port} by {way.transport}: {words}; tried again until it answers", err=True)

    return report


def _by_panel(signals: list[_Signal], default: Panel) -> dict[Panel, list[_Signal]]:
    """The signals of each panel, in order. Raises `WrongUse` for one that no panel can send."""
    found: dict[Panel, list[_Signal]] = defaultdict(list)
    for signal in signals:
        panel = default._replace(account=signal.account, key=signal.key)
        try:
            frame_of(panel, signal.said, 1, now_ms())
        except NotASignalError as error:
            raise WrongUse(f"--{error}") from None
        found[panel].append(signal)
    return found


async def _send_all(panels: dict[Panel, list[_Signal]], way: Way, sums: _Sums, **options: Any) -> None:
    """Send the signals of all panels, each panel's one after the other."""
    loop = asyncio.get_running_loop()
    begun = loop.time()

    async def send(panel: Panel, signals: list[_Signal]) -> None:
        dialler = Dialler(panel, way, **options)
        try:
            for signal in signals:
                await asyncio.sleep(max(begun + signal.at - loop.time(), 0))
                sums.add(signal, await dialler.send(signal.said))
        finally:
            dialler.close()

    async with asyncio.TaskGroup() as group:
        for panel, signals in panels.items():
            group.create_task(send(panel, signals))


# --- options --------------------------------------------------------------------------------------


def _of_line(line: ScenarioLine, account: str, key: str) -> _Signal:
    said = Said(line.code, line.zone, line.partition, Qualifier(line.qualifier), line.text)
    return _Signal(
        line.at, account_of(line.account or account, "--account"), _key(key if line.key is None else line.key), said
    )


def _way(
    tcp: str | None, udp: str | None, tls: str | None, ca: Path | None, certificate: Path | None, key: Path | None
) -> Way:
    named = [(way, place) for way, place in zip(Transport, (tcp, udp, tls), strict=True) if place is not None]
    if len(named) != 1:
        raise WrongUse("say where the receiver is by one of --tcp, --udp and --tls HOST:PORT")
    ((transport, place),) = named
    try:
        host, port = host_and_port(place)
    except ValueError as error:
        raise WrongUse(f"--{transport} {place!r}: {error}") from None
    if transport is not Transport.TLS:
        if list(_given(ca, certificate, key)):
            raise WrongUse("--ca, --certificate and --certificate-key are for --tls")
        return Way(host, port, transport)
    try:
        context = ssl.create_default_context(cafile=ca)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(map(str, _given(ca, certificate, key)))
        raise WrongUse(f"{files}: {error.strerror or error}; name files in PEM") from None
    return Way(host, port, transport, context)


def _given(*files: Path | None) -> Iterator[Path]:
    return (file for file in files if file is not None)


def _key(text: str) -> bytes | None:
    """A key, or the one that a file has; the message never quotes it."""
    if not text:
        return None
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text("ascii").strip()
        except (OSError, ValueError):
            raise WrongUse(f"--key: {text[1:]} cannot be read: name a file with the key in hex") from None
    found = key_of(text)
    if found is None:
        raise WrongUse("--key: it is no AES key: 16, 24 or 32 bytes, in hex")
    return found
