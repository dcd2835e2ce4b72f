"""What each role may do on the broker: all that it must, and nothing else."""

from __future__ import annotations

import json
import logging
import shlex
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # they are documented there
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from schemas.avro.records import encode
from schemas.contract.roles import ROLES
from schemas.contract.topics import ENGINE_TOPICS, TOPICS
from sinks.forget import erasures
from sinks.rows.feeds import FEEDS
from streams.settings import Settings
from tests.conftest import Run
from tests.kafka.world import World
from tests.security.broker import User
from tests.security.conftest import House
from tests.security.outside import Outside
from tests.security.test_story import report

# Spelled out here once more: what stands in the product is compared with it, through the broker's own eyes.
READS = {
    "worker": {"sites", "alerts", "call-results", "dispatch-reports", "operator-actions", "state"},
    "telephony": {"calls", "claims"},
    "desk": {
        "sites", "alerts", "call-results", "dispatch-reports", "operator-actions",
        "calls", "dispatches", "attention", "decisions", "dead-letters", "signals", "claims", "desk-log",
    },
    "partner": {"dispatches"},
    "sink": {
        "alerts", "call-results", "dispatch-reports", "operator-actions",
        "calls", "dispatches", "attention", "decisions", "readiness", "quarantine",
        "signals", "claims", "desk-log", "erasures",
    },
    "sites": {"readiness", "sites"},
    "receiver": {"transmitters", "signals"},
    "portal": {"sites", "transmitters", "readiness"},
    "partners": {"dispatches"},
    "seal": {
        "decisions", "calls", "call-results", "dispatches", "dispatch-reports", "operator-actions", "alerts",
        "attention", "signals", "quarantine", "erasures",
    },
    "watchdog": {
        "alerts", "call-results", "dispatch-reports", "operator-actions",
        "calls", "dispatches", "attention", "decisions", "readiness", "quarantine", "dead-letters", "claims",
    },
    "engineer": {
        "sites", "alerts", "call-results", "dispatch-reports", "operator-actions", "state",
        "calls", "dispatches", "attention", "decisions", "readiness", "quarantine", "dead-letters",
    },
}  # fmt: skip
WRITES = {
    "worker": {"calls", "dispatches", "attention", "decisions", "readiness", "quarantine", "dead-letters", "state"},
    "telephony": {"call-results", "claims"},
    "desk": {"call-results", "operator-actions", "claims", "desk-log"},
    "partner": {"dispatch-reports"},
    "sink": set(),
    "sites": {"sites"},
    "receiver": {"signals", "alerts"},
    "portal": {"sites", "transmitters"},
    "partners": {"dispatch-reports", "desk-log"},
    "seal": set(),
    "watchdog": {"call-results", "claims"},
    "engineer": {"sites", "alerts", "call-results", "dispatch-reports", "operator-actions", "dead-letters"},
}
REQUEST = {
    "command_id": "I1-d1-r1", "dispatch_id": "I1-d1", "action": "REQUEST", "attempt": 1, "incident_id": "I1",
    "site_id": "S1", "partner_id": "guards", "procedure": "SECURITY", "reason": "NOBODY_REACHED", "covert": False,
    "alert_kinds": ["INTRUSION"], "alert_count": 1, "issued_at": 0, "cause": "NOBODY_REACHED",
}  # fmt: skip


def outcome(answer: Future[Any]) -> Any:
    """The answer, or the name of the broker's error."""
    try:
        return answer.result()
    except KafkaException as error:
        return error.args[0].name()


def outcomes(answers: Mapping[Any, Future[Any]]) -> set[Any]:
    return {outcome(answer) for answer in answers.values()}


def allowed(admin: AdminClient, names: Iterable[str]) -> dict[str, set[str]]:
    """What the broker lets this client do with each topic."""
    found = {}
    for name, answer in admin.describe_topics(TopicCollection(list(names)), include_authorized_operations=True).items():
        told = outcome(answer)
        found[name] = (
            set() if told == "TOPIC_AUTHORIZATION_FAILED" else {one.name for one in told.authorized_operations}
        )
    return found


def expected(role: str) -> dict[str, set[str]]:
    """What a role may do with each topic."""
    found = {}
    for topic in (*TOPICS, "erasures", "other"):
        operations = {"READ"} if topic in READS[role] else set()
        operations |= {"WRITE"} if topic in WRITES[role] else set()
        compared = {"worker": ENGINE_TOPICS, "engineer": TOPICS}.get(role, ())
        operations |= {"DESCRIBE_CONFIGS"} if topic in compared else set()
        operations |= {"CREATE"} if role == "sink" and topic == "erasures" else set()
        found[topic] = operations | ({"DESCRIBE"} if operations else set())
    return found


def test_each_role_is_allowed_what_it_needs_on_each_topic_and_nothing_else(
    house: House, topics: Settings, client_log: logging.Logger
) -> None:
    def admin_client(user: User) -> AdminClient:
        return AdminClient(house.settings(user).client("admin"), logger=client_log)

    assert outcomes(admin_client(house.broker.admin).create_topics([NewTopic(topics.prefix + "other", 1)])) == {None}
    clients = {role: admin_client(house.admit(role)) for role in ROLES}
    assert outcomes(clients["sink"].create_topics([NewTopic(topics.prefix + "erasures", 1)])) == {None}
    for role, client in clients.items():
        wanted = {topics.prefix + topic: operations for topic, operations in expected(role).items()}
        assert (role, allowed(client, wanted)) == (role, wanted)


def test_a_partner_reads_dispatches_and_writes_reports(house: House, world: World, client_log: logging.Logger) -> None:
    user = house.admit("partner")
    world.put("dispatches", encode("DispatchCommand", REQUEST), "S1")
    with Outside(house.settings(user), client_log, f"{house.prefix}partner.{user.name}", ["dispatches"]) as partner:
        ((_, heard),) = partner.hear(lambda _, __: True)
        partner.say("dispatch-reports", report(heard, "ACCEPTED"))


class Intruder:
    """A partner who tries everything else."""

    def __init__(self, house: House, user: User, log: logging.Logger) -> None:
        self._log = log
        self.house = house
        self.settings = house.settings(user)
        self.group = f"{house.prefix}partner.{user.name}"
        self.admin = AdminClient(self.settings.client("admin"), logger=log)

    def name(self, topic: str) -> str:
        return self.settings.topic(topic)

    def reads(self, topics: Iterable[str]) -> dict[str, str]:
        """What comes of reading each topic: the error's name, or READ."""
        names = {self.name(topic): topic for topic in topics}
        ours = {"group.id": self.group, "auto.offset.reset": "earliest"}
        consumer = Consumer({**self.settings.client("consumer"), **ours}, logger=self._log)
        consumer.subscribe(list(names))
        found: dict[str, str] = {}
        end = time.monotonic() + 10
        while len(found) < len(names) and time.monotonic() < end:
            message = consumer.poll(0.1)
            if message is not None:
                error = message.error()
                found[names[str(message.topic())]] = error.name() if error else "READ"
        consumer.close()
        return found

    def writes(self, topics: Iterable[str]) -> dict[str, str]:
        """What comes of writing to each topic."""
        found: dict[str, str] = {}
        producer = Producer(self.settings.client("producer"), logger=self._log)
        for topic in topics:

            def delivered(error: Any, _: Any, topic: str = topic) -> None:
                found[topic] = error.name() if error else "WRITTEN"

            producer.produce(self.name(topic), b"x", b"S1", on_delivery=delivered)
        producer.flush(10)
        return found

    def joins(self, group: str) -> str:
        """What comes of reading dispatches as a group."""
        consumer = Consumer({**self.settings.client("consumer"), "group.id": group}, logger=self._log)
        consumer.subscribe([self.name("dispatches")])
        message = consumer.poll(10)
        consumer.close()
        assert message is not None
        error = message.error()
        return error.name() if error else "READ"

    def begins_transactions(self, transactional_id: str) -> str:
        producer = Producer(
            {**self.settings.client("producer"), "transactional.id": transactional_id}, logger=self._log
        )
        try:
            producer.init_transactions(10)
        except KafkaException as error:
            return str(error.args[0].name())
        return "BEGUN"


@pytest.fixture
def intruder(house: House, world: World, client_log: logging.Logger) -> Intruder:
    """A partner, beside a worker's group that has committed offsets, and another partner."""
    user = house.admit("partner")
    for topic in TOPICS:  # there is something to be read everywhere
        world.put(topic, b"x", "S1", 0)
    return Intruder(house, user, client_log)


def test_a_partner_reads_and_writes_no_other_topic(intruder: Intruder) -> None:
    visible = intruder.admin.list_topics(timeout=10).topics
    assert {name for name in visible if name.startswith(intruder.house.prefix)} == {
        intruder.name("dispatches"),
        intruder.name("dispatch-reports"),
    }
    refused = "TOPIC_AUTHORIZATION_FAILED"
    assert intruder.reads(TOPICS) == {topic: "READ" if topic == "dispatches" else refused for topic in TOPICS}
    assert intruder.writes(TOPICS) == {topic: "WRITTEN" if topic == "dispatch-reports" else refused for topic in TOPICS}


def test_a_partner_changes_nothing_about_topics_not_even_its_own(intruder: Intruder) -> None:
    admin, names = intruder.admin, [intruder.name(topic) for topic in TOPICS]
    logs = [TopicPartition(name, 0, 1) for name in names]
    others = [log for log in logs if "dispatch" not in log.topic]
    shorter = [ConfigEntry("retention.ms", "1", incremental_operation=AlterConfigOpType.SET)]
    topics = [ConfigResource(ResourceType.TOPIC, name, incremental_configs=shorter) for name in names]
    refused = {"TOPIC_AUTHORIZATION_FAILED"}
    assert outcomes(admin.describe_configs([ConfigResource(ResourceType.TOPIC, name) for name in names])) == refused
    assert outcomes(admin.incremental_alter_configs(topics)) == refused
    assert outcomes(admin.create_partitions([NewPartitions(name, 9) for name in names])) == refused
    assert outcomes(admin.delete_topics(names)) == refused
    assert outcomes(admin.create_topics([NewTopic(f"{intruder.house.prefix}new", 1)])) == refused
    assert outcomes(admin.delete_records(logs)) == refused
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    # The client has no partitions to ask for: to it the topics are not there.
    assert outcomes(admin.list_offsets(dict.fromkeys(others, latest))) <= {"_NOENT", *refused}


def test_a_partner_touches_no_other_group_and_no_transaction(intruder: Intruder) -> None:
    refused = "GROUP_AUTHORIZATION_FAILED"
    workers = intruder.settings.worker.group
    for group in (workers, f"{intruder.house.prefix}partner.other", "any"):
        assert intruder.joins(group) == refused
        moved = ConsumerGroupTopicPartitions(group, [TopicPartition(intruder.name("dispatches"), 0, 0)])
        (asked,) = intruder.admin.alter_consumer_group_offsets([moved]).values()
        assert outcome(asked) == refused
        (asked,) = intruder.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]).values()
        assert outcome(asked) == refused
        assert outcomes(intruder.admin.delete_consumer_groups([group])) == {refused}
    for name in (f"{workers}-a", "any"):
        assert intruder.begins_transactions(name) == "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"


def test_a_partner_gives_itself_no_rights(intruder: Intruder) -> None:
    admin = intruder.admin
    rule = AclBinding(
        ResourceType.TOPIC, intruder.name("sites"), ResourcePatternType.LITERAL, "User:*", "*",
        AclOperation.READ, AclPermissionType.ALLOW,
    )  # fmt: skip
    assert outcomes(admin.create_acls([rule])) == {"CLUSTER_AUTHORIZATION_FAILED"}
    anything: Any = None
    every = AclBindingFilter(
        ResourceType.ANY, anything, ResourcePatternType.ANY, anything, anything,
        AclOperation.ANY, AclPermissionType.ANY,
    )  # fmt: skip
    assert outcome(admin.describe_acls(every)) in ([], "CLUSTER_AUTHORIZATION_FAILED")
    assert outcomes(admin.delete_acls([every])) <= {"CLUSTER_AUTHORIZATION_FAILED"}
    new = UserScramCredentialUpsertion("admin", ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), b"mine")
    assert outcomes(admin.alter_user_scram_credentials([new])) == {"CLUSTER_AUTHORIZATION_FAILED"}
    opened = [ConfigEntry("log.retention.ms", "1", incremental_operation=AlterConfigOpType.SET)]
    broker = ConfigResource(ResourceType.BROKER, "1", incremental_configs=opened)
    assert outcomes(admin.incremental_alter_configs([broker])) == {"CLUSTER_AUTHORIZATION_FAILED"}


# --- the command ------------------------------------------------------------------------------------


def test_the_rules_are_printed_as_commands_of_kafkas_own_tool(run: Run) -> None:
    done = run("topics", "acl", "--role", "partner", "--principal", "User:north guards")
    assert done.exit == 0
    begin = "kafka-acls --bootstrap-server localhost:9092 --command-config admin.properties"
    begin += " --add --allow-principal 'User:north guards' --operation"
    assert [" ".join(line.split()) for line in done.out.replace("\\\n", "").splitlines()[3:]] == [
        f"{begin} Read --group 'ronde.partner.north guards'",
        f"{begin} Read --topic ronde.dispatches",
        f"{begin} Write --topic ronde.dispatch-reports",
    ]


def test_without_a_role_all_are_printed_and_a_program_gets_the_same(run: Run) -> None:
    printed = run("topics", "acl", "--principal", "User:x").out
    assert [line.split()[1] for line in printed.splitlines() if line.startswith("# ")][1:] == [f"{r}:" for r in ROLES]
    told = json.loads(run("topics", "acl", "--principal", "User:x", "--json").out)
    assert told["principal"] == "User:x"
    assert list(told["roles"]) == list(ROLES)
    rules = set()
    for command in printed.split("kafka-acls ")[1:]:
        words = shlex.split(command.partition("\n#")[0].replace("\\\n", ""))
        words.remove("--add")
        pairs = list(zip(words[::2], words[1::2], strict=True))
        operations = tuple(value for option, value in pairs if option == "--operation")
        rules |= {(o[2:], value, operations) for o, value in pairs if o in {"--topic", "--group"}}
    assert rules == {
        (grant["resource"], grant["name"], tuple(word.title().replace("_", "") for word in grant["operations"]))
        for grants in told["roles"].values()
        for grant in grants
        if grant["resource"] != "transactional-id"
    }
    assert "--operation Write \\\n    --transactional-id ronde- \\\n    --resource-pattern-type prefixed" in printed


def test_rules_are_made_once_and_others_are_told_of(house: House, run: Run) -> None:
    file, principal = house.file(house.broker.admin), house.broker.user("guards").principal
    command = ("topics", "acl", "--role", "partner", "--principal", principal, "--apply", "--settings", file)
    assert run(*command).out == f"{principal} has the rules of partner: 3 made, 0 were there\n"
    assert run(*command).out == f"{principal} has the rules of partner: 0 made, 3 were there\n"
    other = run(*command[:3], "receiver", *command[4:])
    assert other.out.startswith(
        f"{principal} has the rules of receiver: 5 made, 0 were there\n3 others that it has stay"
    )
    told = json.loads(run(*command, "--json").out)
    assert told["applied"] == {"made": 0, "there": 3, "others": 5}


def test_who_is_no_administrator_makes_no_rules(house: House, run: Run) -> None:
    file = house.file(house.broker.user("nobody"))
    done = run("topics", "acl", "--role", "partner", "--principal", "User:me", "--apply", "--settings", file)
    assert (done.exit, done.out) == (1, "")
    assert "does not let us use access rules" in done.err
    assert "this takes an administrator of the broker" in done.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--principal", "guards"), "guards is no principal: write User:NAME"),
        (("--principal", "User:"), "User: is no principal"),
        (("--principal", "User:*"), "User:* is everyone: give each program a principal of its own"),
        (("--principal", "User:x", "--apply"), "say which, by --role"),
    ],
)
def test_wrong_use_is_told(run: Run, arguments: tuple[str, ...], told: str) -> None:
    done = run("topics", "acl", *arguments)
    assert (done.exit, done.out) == (2, "")
    assert told in done.err


def test_the_sink_may_read_what_it_reads() -> None:
    assert set(ROLES["sink"].reads) == {feed.topic for feed in FEEDS} | {erasures.TOPIC.name}
    assert ROLES["sink"].creates == (erasures.TOPIC.name,)
