"""Topics on a real broker: made as the contract says, compared with it, and never mended behind anyone's back."""

import json
import time

import pytest
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from schemas.contract.topics import EDGE_TOPICS, ENGINE_TOPICS, INPUT_BYTES, OWN_BYTES, TOPICS
from streams.kafka import admin
from streams.kafka.topics import BrokerTopic, TopicDifference, TopicsError, create, differences, find
from streams.settings import Settings
from tests.conftest import MakeSettings, Run, SettingsFile
from tests.machine import stretched


def as_expected(settings: Settings) -> dict[str, BrokerTopic]:
    return {
        settings.topic(name): BrokerTopic(settings.topics.partitions, topic.configuration())
        for name, topic in TOPICS.items()
    }


def make(settings: Settings, name: str, partitions: int, **configuration: str) -> None:
    """Make one topic otherwise than we would."""
    words = {word.replace("_", "."): value for word, value in configuration.items()}
    topic = NewTopic(settings.topic(name), num_partitions=partitions, replication_factor=1, config=words)
    admin = AdminClient(settings.client("admin"))
    admin.create_topics([topic])[topic.topic].result()


def test_topics_are_made_once_and_as_the_contract_says(settings: MakeSettings) -> None:
    wanted = settings(topics={"partitions": 2, "replication_factor": 1, "min_insync_replicas": 1})
    assert create(wanted) == [wanted.topic(name) for name in TOPICS]
    assert create(wanted) == []
    found = find(wanted)
    assert differences(found, wanted) == []
    assert {partitions for partitions, _ in found.values()} == {2}
    for name, topic in TOPICS.items():
        configuration = found[wanted.topic(name)].configuration
        expected = {**topic.configuration(), "min.insync.replicas": "1"}
        assert {word: configuration[word] for word in expected} == expected


def test_the_contract_keeps_history_and_takes_whole_inputs_into_what_carries_them() -> None:
    thirty_days = str(30 * 24 * 3600 * 1000)
    assert TOPICS["sites"].configuration()["min.compaction.lag.ms"] == thirty_days
    assert TOPICS["alerts"].configuration()["retention.ms"] == thirty_days
    sizes = {name: int(topic.configuration()["max.message.bytes"]) for name, topic in TOPICS.items()}
    assert {name for name, size in sizes.items() if size == OWN_BYTES} == {"dead-letters", "quarantine", "state"}
    assert {sizes[name] for name in TOPICS if TOPICS[name].way in {"in", "edge"}} == {INPUT_BYTES}


def test_nothing_on_the_broker_means_all_are_missing(settings: MakeSettings) -> None:
    wanted = settings()
    assert find(wanted) == {}
    assert [(d.topic, d.what) for d in differences({}, wanted)] == [(wanted.topic(name), "missing") for name in TOPICS]


def test_each_difference_names_its_topic_with_what_is_expected_and_found(settings: MakeSettings) -> None:
    wanted = settings()
    ours = {"max_message_bytes": str(INPUT_BYTES), "compression_type": "uncompressed"}
    make(wanted, "alerts", partitions=4, cleanup_policy="delete", **ours)
    make(wanted, "sites", partitions=3, cleanup_policy="delete", **ours)
    make(wanted, "state", partitions=3, cleanup_policy="compact", max_message_bytes="1048588")
    assert len(create(wanted)) == len(TOPICS) - 3
    assert differences(find(wanted), wanted) == [
        TopicDifference(wanted.topic("sites"), "cleanup.policy", "compact", "delete"),
        TopicDifference(wanted.topic("alerts"), "partitions", "3", "4"),
        TopicDifference(wanted.topic("state"), "max.message.bytes", "2000000", "1048588"),
    ]


def test_retention_is_the_operators_to_lengthen(settings: MakeSettings) -> None:
    wanted = settings()
    found = as_expected(wanted)
    name = wanted.topic("alerts")
    found[name] = BrokerTopic(3, {**found[name].configuration, "retention.ms": "-1", "min.insync.replicas": "2"})
    assert differences(found, wanted) == []


def test_a_limit_of_size_is_told_and_stops_no_worker(settings: MakeSettings) -> None:
    wanted = settings()
    found = as_expected(wanted)
    name = wanted.topic("alerts")
    found[name] = BrokerTopic(3, {**found[name].configuration, "retention.bytes": "1073741824"})
    (difference,) = differences(found, wanted)
    assert difference == TopicDifference(name, "retention.bytes", "-1", "1073741824")
    assert not difference.stops_workers
    assert TOPICS["sites"].configuration().get("retention.bytes") is None, "a compacted topic is not deleted by size"


def test_inputs_are_measured_uncompressed_and_one_that_is_not_stops_no_worker(settings: MakeSettings) -> None:
    wanted = settings()
    found = as_expected(wanted)
    for name in ("alerts", "decisions"):  # who writes outputs is ours
        topic = found[wanted.topic(name)]
        found[wanted.topic(name)] = BrokerTopic(3, {**topic.configuration, "compression.type": "producer"})
    (difference,) = differences(found, wanted)
    assert difference == TopicDifference(wanted.topic("alerts"), "compression.type", "uncompressed", "producer")
    assert not difference.stops_workers


def test_a_worker_needs_no_topic_of_the_edges(settings: MakeSettings) -> None:
    wanted = settings()
    found = {name: topic for name, topic in as_expected(wanted).items() if name in map(wanted.topic, ENGINE_TOPICS)}
    assert differences(found, wanted, ENGINE_TOPICS) == []
    assert [difference.topic for difference in differences(found, wanted)] == [*map(wanted.topic, EDGE_TOPICS)]


def test_claims_bear_the_brokers_time(settings: MakeSettings) -> None:
    wanted = settings()
    found = as_expected(wanted)
    name = wanted.topic("claims")
    found[name] = BrokerTopic(3, {**found[name].configuration, "message.timestamp.type": "CreateTime"})
    (difference,) = differences(found, wanted)
    assert str(difference) == f"{name}: message.timestamp.type is CreateTime, expected LogAppendTime"


def test_timestamps_must_be_the_senders(settings: MakeSettings) -> None:
    wanted = settings()
    found = as_expected(wanted)
    name = wanted.topic("decisions")
    found[name] = BrokerTopic(3, {**found[name].configuration, "message.timestamp.type": "LogAppendTime"})
    (difference,) = differences(found, wanted)
    assert str(difference) == f"{name}: message.timestamp.type is LogAppendTime, expected CreateTime"


def test_a_broker_that_refuses_is_quoted(settings: MakeSettings) -> None:
    with pytest.raises(TopicsError, match=r"refuses topic test-\S+: .*[Rr]eplication"):
        create(settings(topics={"replication_factor": 3}))


def test_commands_create_and_check(run: Run, settings_file: SettingsFile, prefix: str) -> None:
    file = settings_file()
    before = run("topics", "check", "--settings", file)
    assert before.exit == 1
    assert f"{prefix}alerts: is missing" in before.err
    assert "`ronde topics create`" in before.err

    made = run("topics", "create", "--settings", file, "--json")
    assert (made.exit, json.loads(made.out)["created"]) == (0, [f"{prefix}{name}" for name in TOPICS])
    again = run("topics", "create", "--settings", file)
    assert (again.exit, again.out) == (0, "17 of 17 topics were there\n")
    assert run("topics", "check", "--settings", file).out.startswith("all 17 topics are as they must be")

    wider = settings_file(topics={"partitions": 12})
    checked = run("topics", "check", "--settings", wider)
    assert checked.exit == 1
    assert f"{prefix}alerts: partitions is 3, expected 12" in checked.err
    assert "if that is meant, set topics.partitions to 3" in checked.err
    as_json = run("topics", "check", "--settings", wider, "--json")
    assert as_json.exit == 1
    assert json.loads(as_json.out)["differences"][0] == {
        "topic": f"{prefix}sites",
        "what": "partitions",
        "expected": "12",
        "found": "3",
    }


def test_a_number_of_partitions_is_never_changed(run: Run, settings: MakeSettings, settings_file: SettingsFile) -> None:
    make(settings(), "alerts", partitions=4)
    ran = run("topics", "create", "--settings", settings_file())
    assert ran.exit == 1
    assert "alerts: partitions is 4, expected 3" in ran.err
    assert "fixed for life" in ran.err
    assert find(settings())[settings().topic("alerts")].partitions == 4


def test_a_broker_that_is_not_there_is_one_clear_line_within_ten_seconds(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert admin.ANSWER_SECONDS < 9
    monkeypatch.setattr(admin, "ANSWER_SECONDS", 1.0)
    monkeypatch.setenv("RONDE_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:9")
    began = time.monotonic()
    ran = run("topics", "check")
    assert time.monotonic() - began < stretched(3)
    assert (ran.exit, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert "no Kafka can be reached at 127.0.0.1:9 (kafka.bootstrap.servers)" in ran.err
    assert "Connection refused" in ran.err
    assert "ronde local up" in ran.err


def test_a_broker_without_access_rules_takes_none(run: Run, settings_file: SettingsFile) -> None:
    done = run("topics", "acl", "--role", "desk", "--principal", "User:x", "--apply", "--settings", settings_file())
    assert (done.exit, done.out) == (1, "")
    assert "keeps no access rules, everybody may do everything" in done.err
    assert "authorizer.class.name" in done.err
