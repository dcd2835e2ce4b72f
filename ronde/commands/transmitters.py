"""`ronde transmitters`: load a file of them, list them, look at one and at its frames (contracts.md, Values)."""

from __future__ import annotations

from typing import Any

import typer

from ronde.commands import transmitters_on_test, transmitters_show, transmitters_signals
from ronde.input_files.loading import load
from ronde.input_files.transmitter_lines import TransmitterLines, wrap_of
from ronde.shared.errors import WrongUse
from ronde.shared.lines import TableArgument, fail_on_bad, opened
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.terminal import print_value, say

app = typer.Typer(no_args_is_help=True)
app.command("list")(transmitters_show.list_)
app.command("show")(transmitters_show.show)
app.command("signals")(transmitters_signals.signals)
app.command("test")(transmitters_on_test.wait_for_frame)


@app.command("import")
def import_(file: TableArgument, settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """Load the transmitters of a file into their topic, and wait until the broker has them.

    Lines that are no transmitters are named and left out: exit 1. Keys leave this process encrypted.
    """
    effective = in_force(settings)
    with opened(file) as raw:
        lines = TransmitterLines(file, raw, wrap_of(effective))
        try:
            loaded = load(lines, effective, "transmitters")
        except WrongUse:  # what is wrong above the line that ends the file is worth as much
            if not as_json:
                _print_warnings(lines)
            raise
    if as_json:
        print_value({"loaded": loaded, **_warnings(lines)})
    else:
        _print_warnings(lines)
        topic = effective.topic("transmitters")
        say(f"{loaded:,} transmitters loaded into {topic}, {len(lines.bad):,} bad lines left out")
    fail_on_bad(file, lines.bad, "transmitter")


def _print_warnings(lines: TransmitterLines) -> None:
    for bad in lines.bad:
        say(str(bad))
    for account, numbers in lines.repeated.items():
        say(f"warning: account {account} stands in lines {', '.join(map(str, numbers))}; the last one counts")


def _warnings(lines: TransmitterLines) -> dict[str, Any]:
    repeated = [{"account": account, "lines": numbers} for account, numbers in lines.repeated.items()]
    return {"bad": [bad._asdict() for bad in lines.bad], "repeated": repeated}
