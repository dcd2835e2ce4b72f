"""`ronde transmitters list` and `show`: what the topic has in force, and never a key."""

from __future__ import annotations

import contextlib
import json
from typing import Annotated, Any, TypeAlias

import typer
from rich.text import Text

from edges.kafka.framing import Framing
from edges.receiver.settings import wrapping_key_of
from edges.receiver.wrapping import SealedKeyError, Wrapping
from edges.values import Transmitter
from ronde.shared.accounts import account_of
from ronde.shared.errors import Failed
from ronde.shared.ledger_options import PersonalOption
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.terminal import Listing, Terminal, print_value
from ronde.shared.topic_reading import opened, records
from ronde.shared.whole_settings import WholeSettings
from schemas.avro.errors import Undecodable
from service import rfc3339
from streams.formats.redaction import HIDDEN
from streams.formats.validation import key_text

_ROLE = "portal"
AccountArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="ACCOUNT", show_default=False, help="As configured in the panel.")
]


def list_(
    site: Annotated[str | None, typer.Option(metavar="SITE", show_default=False, help="Only those of a site.")] = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the transmitters: their sites, whether they encrypt, how many overrides."""
    effective = in_force(settings)
    found = {
        account: transmitter
        for account, transmitter in sorted(_in_force(effective, None).items())
        if site is None or transmitter.site_id == site
    }
    if as_json:
        print_value({"transmitters": [_as_object(one, effective, personal=False) for one in found.values()]})
        return
    table = Listing("account", "site", "protocol", "encryption", "bad CRC", "overrides")
    for account, one in found.items():
        table.add_row(account, one.site_id, one.protocol, _encryption(one), one.bad_crc, str(len(one.overrides)))
    Terminal().print(table)


def show(
    account: AccountArgument,
    personal: PersonalOption = False,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a transmitter's record in force, and whether its key opens under receiver.wrapping_key."""
    effective = in_force(settings)
    name = account_of(account, "ACCOUNT")
    found = _in_force(effective, name).get(name)
    if found is None:
        raise Failed(f"no transmitter {name} in {effective.topic('transmitters')}: `ronde transmitters list` shows all")
    shown = _as_object(found, effective, personal=personal)
    if as_json:
        print_value(shown)
        return
    out = Terminal()
    key = _key_words(shown["key_opens"], effective)
    out.print(Text.assemble((name, "bold"), f"  site {found.site_id}, key: {key}"), soft_wrap=True)
    out.print(Text(json.dumps(shown, indent=2, ensure_ascii=False)), soft_wrap=True)


def _key_words(key_opens: bool | None, settings: WholeSettings) -> str:
    if key_opens is None:
        return "none"
    if key_opens:
        return "opens under receiver.wrapping_key"
    if settings.receiver.wrapping_key is None:
        return "not tried: receiver.wrapping_key is not set here"
    return "DOES NOT OPEN under receiver.wrapping_key"


def _in_force(settings: WholeSettings, account: str | None) -> dict[str, Transmitter]:
    """The transmitters by account; of one alone, from its partition. Raises `Failed`."""
    framing = Framing(settings.for_edge(_ROLE, "cli", settings.receiver.data_dir))
    decode = framing.reader("transmitters")
    found: dict[str, Transmitter] = {}
    with opened(settings, "reading the transmitters", ["transmitters"], _ROLE) as (logs, _):
        for record in records(logs, "transmitters", key=account):
            if (key := key_text(record.key)) is not None:
                found.pop(key, None)
                if record.value is not None:
                    with contextlib.suppress(Undecodable):
                        found[key] = decode(record.value)
    framing.close()
    return found


def _encryption(transmitter: Transmitter) -> str:
    if transmitter.key_wrapped is None:
        return "none"
    return "allowed" if transmitter.require_encryption is False else "required"


def _as_object(transmitter: Transmitter, settings: WholeSettings, *, personal: bool) -> dict[str, Any]:
    overrides = [
        {
            "code": one.code,
            "zone": one.zone,
            "kind": one.kind,
            "until": None if one.until is None else rfc3339.write(one.until),
            "by": one.by if personal else HIDDEN,
            "why": one.why if personal else HIDDEN,
        }
        for one in transmitter.overrides
    ]
    return {
        "account": transmitter.account,
        "site_id": transmitter.site_id,
        "protocol": transmitter.protocol,
        "key_opens": _opens(transmitter, settings),
        "require_encryption": transmitter.require_encryption,
        "bad_crc": transmitter.bad_crc,
        "overrides": overrides,
        "updated_at": rfc3339.write(transmitter.updated_at),
    }


def _opens(transmitter: Transmitter, settings: WholeSettings) -> bool | None:
    """Whether its key opens; None: it has none."""
    if transmitter.key_wrapped is None:
        return None
    key = settings.receiver.wrapping_key
    try:
        Wrapping(None if key is None else wrapping_key_of(key)).unwrap(transmitter.key_wrapped, transmitter.account)
    except SealedKeyError:
        return False
    return True
