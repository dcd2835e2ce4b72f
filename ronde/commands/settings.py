"""`ronde settings`: the settings in force and where each comes from (contracts.md, Settings)."""

from __future__ import annotations

import json

from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.terminal import Listing, Terminal, print_value


def settings(settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """Check the settings and show every one in force: its value, and where it comes from.

    Secrets are masked.
    """
    shown = in_force(settings).shown()
    if as_json:
        print_value({name: {"value": value, "origin": origin} for name, value, origin in shown})
        return
    table = Listing("setting")
    for header in ("value", "from"):
        table.add_column(header)
    for name, value, origin in shown:
        text = "-" if value is None else json.dumps(value, ensure_ascii=False)  # as TOML writes it
        table.add_row(name, text, origin, style="dim" if origin == "default" else None)
    Terminal().print(table)
