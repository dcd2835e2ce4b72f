"""Who runs what, when several processes run the tests, and which tests need a server at all.

A process has brokers and a PostgreSQL of its own, each started when its first test asks for it. So tests that share
such a server beyond the usual ones, or ports that everybody knows, go to one process; and what takes longest begins
first, or the others would wait for it in the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pytest

# Fixtures that start a server, or lead to one that runs. A test that has another one says so: `pytest.mark.server`.
SERVERS: Final = frozenset(
    {"kafka", "settings_file", "broker", "patient_broker", "cluster", "postgres", "secure_kafka", "secured"}
)

# Files of one process, by what they share.
TOGETHER: Final[Mapping[str, Sequence[str]]] = {
    "the broker that is made to fail": (
        "tests/faults/test_storm.py",
        "tests/faults/test_broker.py",
        "tests/faults/test_clock.py",
        "tests/faults/test_registry.py",
        "tests/faults/test_transactions.py",
        "tests/faults/test_membership.py",
        "tests/faults/test_waits.py",
        "tests/faults/test_zombie.py",
    ),
    "the broker that is frozen": (
        "tests/edges/watchdog/test_live.py",
        "tests/edges/desk/test_faults.py",
        "tests/edges/portal/test_kafka_and_pages.py",
        "tests/edges/portal/test_kafka_away.py",
        "tests/edges/kafka/test_kafka.py",
    ),
    "the secured broker": (
        "tests/security/test_refusals.py",
        "tests/security/test_secrets.py",
        "tests/security/test_story.py",
        "tests/security/test_acl.py",
    ),
    "the usual ports of the local servers and the demonstration": (
        "tests/cli/demo/test_live.py",
        "tests/cli/test_local.py",
        "tests/cli/test_local_postgres.py",
        "tests/kafka/test_stories_live.py",
        "tests/deploy/dashboards/test_live.py",
    ),
}
_GROUPS: Final = {file: name for name, files in TOGETHER.items() for file in files}

# What takes longest, by file, the longest group first. All others come after these, in their order.
FIRST: Final = (
    *TOGETHER["the broker that is made to fail"],
    *TOGETHER["the usual ports of the local servers and the demonstration"],
    *TOGETHER["the broker that is frozen"],
    "tests/kafka/test_worker_faults.py",
    "tests/edges/portal/test_relay_faults.py",
    "tests/edges/partners/test_outages.py",
    "tests/edges/partners/test_process.py",
    *TOGETHER["the secured broker"],
    "tests/sinks/test_sink.py",
    "tests/edges/desk/test_pages.py",
    "tests/seal/test_seal.py",
    "tests/edges/desk/test_races.py",
    "tests/edges/partners/test_pages.py",
    "tests/deploy/alerts/test_alerts.py",
    "tests/sinks/test_away.py",
    "tests/kafka/test_worker.py",
    "tests/kafka/test_dlq.py",
    "tests/kafka/test_held_back.py",
    "tests/play/test_play.py",
    "tests/edges/desk/test_desk.py",
    "tests/edges/portal/test_two_portals.py",
    "tests/kafka/test_partner_example.py",
    "tests/kafka/test_replay.py",
    "tests/edges/receiver/test_kills.py",
    "tests/kafka/test_by_hand.py",
    "tests/edges/portal/test_pages.py",
    "tests/sinks/test_erasures.py",
    "tests/streams/test_client_contract.py",
    "tests/sinks/test_pooling.py",
    "tests/sinks/test_ledger.py",
    "tests/edges/receiver/test_process.py",
    "tests/sinks/test_assignment_faults.py",
    "tests/sinks/test_edge_records.py",
    "tests/edges/portal/test_fuzzed.py",
    "tests/deploy/test_running.py",
    "tests/sinks/test_fuzz.py",
    "tests/kafka/test_strangers.py",
    # The longest of those without a server.
    "tests/edges/web/test_server.py",
    "tests/edges/receiver/test_limits.py",
    "tests/test_tidy.py",
    "tests/schemas/test_bytes.py",
    "tests/schemas/test_native.py",
    "tests/cli/test_simulate.py",
    "tests/schemas/test_strictness.py",
    "tests/cli/test_terminal.py",
    "tests/schemas/test_codec.py",
)

# Tests that take seconds of a core, beside those marked in place: a program started for each case, a limit reached
# by real work. `tests/test_distribution.py` holds the names to the files.
SLOW: Final[Mapping[str, Sequence[str]]] = {
    "tests/cli/test_terminal.py": (
        "test_no_encoding_ends_in_a_traceback",
        "test_what_simulate_writes_is_harmless_and_the_same_json",
        "test_a_hint_of_the_installed_program_names_its_path",
    ),
    "tests/schemas/gate/test_against.py": ("test_two_equal_releases_read_each_other",),
    "tests/schemas/gate/test_steps.py": ("test_a_version_is_read_one_release_before_it_is_written",),
    "tests/cli/test_schema_register.py": ("test_every_subject_has_its_schema_and_what_is_promised",),
    "tests/edges/desk/test_metrics.py": ("test_counters_have_no_second_series",),
    "tests/edges/receiver/test_repeats.py": ("test_many_frames_of_one_account_are_quickly_taken",),
    "tests/cli/test_lazy_group.py": (
        "test_the_settings_load_without_what_only_some_commands_use",
        "test_a_command_without_its_optional_dependencies_says_what_to_install",
        "test_the_other_commands_load_without_any_optional_dependency",
    ),
    "tests/edges/desk/test_spoken_words.py": (
        "test_every_answer_takes_100_ms_to_1_s",
        "test_the_loop_goes_on_meanwhile",
    ),
    "tests/cli/test_local.py": ("test_where_the_usual_port_is_a_strangers_the_next_commands_are_led_to_ours",),
    "tests/cli/test_simulate.py": (
        "test_wrong_use_is_named_without_a_traceback",
        "test_a_bad_line_is_named_after_the_records_before_it",
        "test_until_before_the_last_line_is_wrong_use_after_its_records",
        "test_the_settings_replace_the_procedures",
        "test_a_full_disk_is_a_failure",
        "test_a_reader_that_has_seen_enough_is_left_in_peace",
    ),
    "tests/cli/test_local_postgres.py": ("test_an_archive_that_is_not_the_locked_one_is_not_unpacked",),
    "tests/streams/test_whatif.py": ("test_a_month_under_the_other_procedure_lies_within_the_bounds",),
    "tests/edges/watchdog/test_hours.py": (
        "test_an_hour_of_storm_and_memory_by_what_is_open",
        "test_it_may_begin_amid_a_storm",
    ),
    "tests/streams/test_decide.py": ("test_a_site_with_more_wrong_than_its_readiness_has_room_for_is_a_dead_letter",),
    "tests/schemas/test_codec.py": ("test_a_registry_that_is_down_is_a_wait_both_at_the_start_and_for_an_unknown_id",),
}

# Tests that repeat what another one shows, in a second language, look or way, or by a second signal, or that play a
# whole installation for what others show of its parts: `make test-long`. Names are with the parameter that repeats, or
# alone where all do.
LONG: Final[Mapping[str, Sequence[str]]] = {
    "tests/cli/demo/test_live.py": (
        # `tests/play` interrupts as many processes.
        "test_an_interrupt_leaves_nothing_running[2]",
        "test_an_interrupt_leaves_nothing_running[15]",
        # The demonstration once more, to end one of its processes: a minute of a core.
        "test_a_process_that_ends_too_early_is_named_with_its_log",
    ),
    "tests/cli/test_terminal.py": (
        "test_no_encoding_ends_in_a_traceback[PYTHONIOENCODING-ascii]",
        "test_no_encoding_ends_in_a_traceback[LANG-C]",
    ),
    # A night beside a Prometheus. `tests/deploy/alerts` plays each alert both ways, and shows that a dashboard, a rule
    # or a runbook asks for metrics that there are.
    "tests/deploy/dashboards/test_live.py": (
        "test_every_panel_has_something_to_show",
        "test_the_logs_are_lines_of_json_without_anybody_in_them",
        "test_every_rule_is_evaluated_and_no_alert_is_false",
        "test_the_queries_of_the_runbooks_are_queries",
        "test_conservation_as_prometheus_adds_it_up",
    ),
    # By the group protocol of before; `tests/kafka/test_worker.py` and the client's contract have both.
    "tests/kafka/test_worker_faults.py": (
        "test_a_kill_before_the_commit_in_the_middle_of_a_wait[seed1-classic]",
        "test_a_worker_that_was_stopped_amid_deadlines_alone_makes_nothing_twice[seed1-after_produce-classic]",
        "test_a_worker_that_was_stopped_amid_deadlines_alone_makes_nothing_twice[seed1-after_offsets-classic]",
    ),
    # The stories that the demonstration's test plays, compared with the core alone.
    "tests/kafka/test_stories_live.py": ("test_a_site_lives_as_it_was_simulated",),
    # The calls of `tests/edges/desk/test_pages.py`, by two at once.
    "tests/edges/desk/test_shift.py": ("test_a_shift[seed1]",),
    # `test_one_call_two_desks_one_holder`, by browsers.
    "tests/edges/desk/test_two_browsers.py": ("test_one_call_two_browsers_one_holder[seed1]",),
    "tests/edges/portal/test_pages.py": ("test_the_seeds_way[en-en]",),
    # A relay is killed at each step, and asleep for longer than its lease at one of them.
    "tests/edges/portal/test_relay_faults.py": (
        "test_at_each_step[after_init-stop]",
        "test_at_each_step[after_take-stop]",
        "test_at_each_step[after_read-stop]",
        "test_at_each_step[after_produce-stop]",
        "test_at_each_step[after_flush-stop]",
        "test_at_each_step[after_note-stop]",
    ),
    "tests/edges/web/test_in_a_browser.py": (
        "test_axe_has_nothing_against_a_page_and_it_fits[/components-light-1280-en-GB]",
        "test_axe_has_nothing_against_a_page_and_it_fits[/components-dark-360-fr-FR]",
        "test_axe_has_nothing_against_a_page_and_it_fits[/sign-in-light-1280-en-GB]",
        "test_axe_has_nothing_against_a_page_and_it_fits[/sign-in-dark-360-fr-FR]",
    ),
}


def arrange(items: list[pytest.Item]) -> None:
    """Mark the tests that need a server, are slow or repeat others, and put what takes longest first."""
    for item in items:
        if not SERVERS.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("server")
        if getattr(item, "originalname", None) in SLOW.get(_file(item.nodeid), ()):
            item.add_marker("slow")
        if {item.name, getattr(item, "originalname", None)} & set(LONG.get(_file(item.nodeid), ())):
            item.add_marker("long")
    places = {file: place for place, file in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(_file(item.nodeid), len(places)))


def scheduler(config: pytest.Config, log: Any) -> Any:
    """How processes get their tests: by files and groups of files, in the order of `arrange`."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - in the process that hands tests out, alone

    config.option.loadscopereorder = False  # it would put first what has most tests
    made = LoadScopeScheduling(config, log)
    made._split_scope = lambda nodeid: _GROUPS.get(_file(nodeid), _file(nodeid))
    return made


def _file(nodeid: str) -> str:
    return str(PurePosixPath(nodeid.partition("::")[0]))
