"""Have ``openssl`` check a time stamp (RFC 3161) by the certificate of its authority. Part of a dossier's verifier."""

from __future__ import annotations

import calendar
import re
import subprocess
import tempfile
import time
from pathlib import Path

_SHOWN = "Time stamp: "  # as ``openssl ts -reply -token_out -text`` begins the line
_UNUSABLE = ("Error loading", "system library", "BIO routines")  # it says *FAILED* for a file that it cannot read, too


def stamped_at(stamp: bytes, digest: str, authority: str) -> str | None:
    """Return when a stamp of a SHA-256 was made, as openssl writes it; None: it is not by the authority.

    ``authority``: the file of its certificate, which must have been valid at that time; by now it may have ended.
    Raises `OSError` where openssl cannot say.
    """
    with tempfile.TemporaryDirectory() as folder:  # no open file: on Windows, nobody else opens one
        file = Path(folder) / "head.tsr"
        file.write_bytes(stamp)
        # The token alone: nobody signs the reply around it, and openssl shows its text, line breaks and all.
        done, _, errors = _openssl("-reply", "-in", str(file), "-token_out", "-text")
        shown = next((line[len(_SHOWN) :] for line in done.splitlines() if line.startswith(_SHOWN)), "")
        moment = _moment(shown)
        if moment is None:
            if done or "asn1" in errors or not _told(errors):
                return None  # no stamp at all, or a refusal
            raise _unusable(errors)
        asked = ("-digest", digest, "-in", str(file), "-CAfile", authority, "-attime", str(moment))
        said, is_good, errors = _openssl("-verify", *asked)
    if is_good:
        return shown
    if "FAILED" not in said or any(sign in errors for sign in _UNUSABLE):
        raise _unusable(errors)
    return None


def _moment(shown: str) -> int | None:
    """Return the seconds since 1970 of what openssl shows, as ``Jan  1 00:00:09.5 2026 GMT``; None: it is no time."""
    try:
        return calendar.timegm(time.strptime(re.sub(r"\.\d+ ", " ", shown), "%b %d %H:%M:%S %Y GMT"))
    except ValueError:
        return None


def _openssl(*arguments: str) -> tuple[str, bool, str]:
    """Return what it says, whether it ended well, and its errors."""
    command = ["openssl", "ts", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - of a file of our own
    if done.returncode not in {0, 1}:  # killed, for example: its silence is no answer
        raise OSError(0, f"it ended with {done.returncode}", "openssl")
    return done.stdout, not done.returncode, done.stderr


def _unusable(errors: str) -> OSError:
    return OSError(0, next(iter(_told(errors)), "it says nothing"), "openssl")


def _told(errors: str) -> list[str]:
    return [line for line in errors.splitlines() if not line.startswith("Using configuration")]
