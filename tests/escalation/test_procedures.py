"""The shipped procedures: their times and counts are part of the contract (docs/contracts.md, Settings)."""

from streams.escalation.procedures import DEFAULTS


def test_the_shipped_times_and_counts() -> None:
    shipped = {name: (procedure.version, procedure.confirms) for name, procedure in DEFAULTS.items()}
    assert shipped == {"SECURITY": ("security/1", True), "FIRE": ("fire/1", False)}
    for name, procedure in DEFAULTS.items():
        assert procedure._asdict() == {
            "name": name,
            "version": procedure.version,
            "confirms": procedure.confirms,
            "default_partner": None,
            "wait_seconds": 600,
            "call_timeout_seconds": 120,
            "response_timeout_seconds": 120,
            "requests": 3,
            "arrival_timeout_seconds": 3600,
            "on_site_timeout_seconds": 14400,
            "attention_interval_seconds": 1800,
            "amend_interval_seconds": 60,
            "runaway_threshold": 30,
        }
