"""Phone numbers as people write them, turned into E.164; only numbers that can be dialled.

The overseas departments, and Saint-Pierre-et-Miquelon, share the national plan of France, and each has a country code
of its own (Arcep, plan national de numérotation). `phonenumbers` knows them as countries only: it takes some of these
for French, and others for none.
"""

from __future__ import annotations

from typing import Final

import phonenumbers

# By the first digits behind the 0.
_OVERSEAS: Final = {
    **dict.fromkeys(("262", "263", "269", "639", "692", "693"), 262),  # Réunion, Mayotte
    **dict.fromkeys(("590", "690", "691"), 590),  # Guadeloupe, Saint-Barthélemy, Saint-Martin
    **dict.fromkeys(("594", "694"), 594),  # Guyane
    **dict.fromkeys(("596", "696", "697"), 596),  # Martinique
    **dict.fromkeys(("508", "708"), 508),  # Saint-Pierre-et-Miquelon
}
_FRENCH: Final = frozenset({"FR", "GP", "MQ", "GF", "RE", "YT", "BL", "MF", "PM"})
_FRANCE: Final = 33
_MIQUELON: Final = "508"  # as 0508 before the six digits that are dialled there; those alone stand behind +508
_LOCAL_DIGITS: Final = 6
_DIGITS: Final = 9  # of a French number behind the 0
_FICTION: Final = "63998"  # mobile numbers that Arcep sets aside for fiction, so that no test rings at anybody's


class NoPhoneNumberError(ValueError):
    """A text that is no number that can be dialled; the message says why and does not quote it."""


def is_country(code: str) -> bool:
    """Whether a country (ISO 3166-1 alpha-2) has phone numbers."""
    return code in phonenumbers.SUPPORTED_REGIONS


def e164(text: str, country: str | None) -> str:
    """A number as E.164; in France and its overseas departments, with the country code of where it belongs.

    ``country`` (ISO 3166-1 alpha-2) is where a number without ``+`` belongs. Raises `NoPhoneNumberError`.
    """
    try:
        number = phonenumbers.parse(text, "FR" if country in _FRENCH else country)
    except phonenumbers.NumberParseException:
        where = f" of {country}" if country else " with its country; begin it with +, or name the country"
        raise NoPhoneNumberError(f"is no phone number{where}") from None
    if number.extension:
        raise NoPhoneNumberError("has an extension, which no telephony dials; give the number without it")
    national = str(number.national_number)
    is_fiction = number.country_code == _FRANCE and national.startswith(_FICTION) and len(national) == _DIGITS
    if number.country_code == _FRANCE and len(national) == _DIGITS and not is_fiction:
        number.country_code = _OVERSEAS.get(national[:3], _FRANCE)
        if national.startswith(_MIQUELON):
            number.national_number = int(national[-_LOCAL_DIGITS:])
    elif country == "PM" and len(national) == _LOCAL_DIGITS:
        number = phonenumbers.parse(text, country)
    if not (is_fiction or phonenumbers.is_valid_number(number)):
        raise NoPhoneNumberError(f"is no phone number that can be dialled: {_reason(number)}")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _reason(number: phonenumbers.PhoneNumber) -> str:
    """Why a number is not valid."""
    digits = len(str(number.national_number))
    if number.country_code == _FRANCE and number.national_number and digits != _DIGITS:
        return f"it has {digits} digits behind +33 or 0, a French number has {_DIGITS}"
    match phonenumbers.is_possible_number_with_reason(number):
        case phonenumbers.ValidationResult.TOO_SHORT:
            return "too short"
        case phonenumbers.ValidationResult.TOO_LONG:
            return "too long"
        case phonenumbers.ValidationResult.INVALID_LENGTH | phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
            return "too short or too long"
        case _:
            return f"the numbering plan of +{number.country_code} has no such number"
