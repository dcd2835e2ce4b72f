"""Ids that follow from what is said."""

from __future__ import annotations

import hashlib

from schemas.contract.content_ids import digest, result_id


def test_a_result_is_named_by_its_command_and_what_was_said() -> None:
    said = hashlib.sha256(b"IDENTIFIED\0NORMAL\0false\0").hexdigest()[:8]
    assert result_id("i-c1.1", "IDENTIFIED", "NORMAL", None, message_left=False) == f"i-c1.1-result-{said}"


def test_a_correction_has_an_id_of_its_own() -> None:
    said = hashlib.sha256(b"IDENTIFIED\0NORMAL\0true\0busy").hexdigest()[:8]
    corrected = result_id("i-c1.1", "IDENTIFIED", "NORMAL", "busy", message_left=True)
    assert corrected == f"i-c1.1-result-{said}"
    assert corrected != result_id("i-c1.1", "IDENTIFIED", "NORMAL", None, message_left=False)


def test_parts_do_not_run_into_each_other() -> None:
    assert digest("ab", "c") != digest("a", "bc")
