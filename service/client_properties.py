"""The librdkafka properties that settings may pass to Kafka clients, and those that are not the user's to set.

The names are librdkafka's (its CONFIGURATION.md), without callbacks, without what it calls deprecated, and each
under one name only: an alias that wins or loses by the order of a dict would be a riddle.
"""


# ruff: noqa: SIM905 - a list of names, one a line, would hide them

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from service.silence import silent

Role: TypeAlias = Literal["consumer", "producer", "admin"]
Value: TypeAlias = str | int | float | bool  # what confluent-kafka takes

COMMON: Final = frozenset(
    """
    bootstrap.servers client.id client.rack client.dns.lookup
    security.protocol enable.ssl.certificate.verification https.ca.location https.ca.pem
    ssl.ca.certificate.stores ssl.ca.location ssl.ca.pem ssl.certificate.location ssl.certificate.pem ssl.cipher.suites
    ssl.crl.location ssl.curves.list ssl.endpoint.identification.algorithm ssl.engine.id ssl.key.location
    ssl.key.password ssl.key.pem ssl.keystore.location ssl.keystore.password ssl.providers ssl.sigalgs.list
    sasl.mechanism sasl.username sasl.password sasl.kerberos.keytab sasl.kerberos.kinit.cmd
    sasl.kerberos.min.time.before.relogin sasl.kerberos.principal sasl.kerberos.service.name
    enable.sasl.oauthbearer.unsecure.jwt sasl.oauthbearer.assertion.algorithm sasl.oauthbearer.assertion.claim.aud
    sasl.oauthbearer.assertion.claim.exp.seconds sasl.oauthbearer.assertion.claim.iss
    sasl.oauthbearer.assertion.claim.jti.include sasl.oauthbearer.assertion.claim.nbf.seconds
    sasl.oauthbearer.assertion.claim.sub sasl.oauthbearer.assertion.file
    sasl.oauthbearer.assertion.jwt.template.file sasl.oauthbearer.assertion.private.key.file
    sasl.oauthbearer.assertion.private.key.passphrase sasl.oauthbearer.assertion.private.key.pem
    sasl.oauthbearer.client.id sasl.oauthbearer.client.secret sasl.oauthbearer.config sasl.oauthbearer.extensions
    sasl.oauthbearer.grant.type sasl.oauthbearer.metadata.authentication.type sasl.oauthbearer.method
    sasl.oauthbearer.scope sasl.oauthbearer.sub.claim.name sasl.oauthbearer.token.endpoint.url
    api.version.request.timeout.ms broker.address.family broker.address.ttl connections.max.idle.ms debug
    enable.metrics.push enable.sparse.connections log.connection.close log_level
    message.copy.max.bytes metadata.max.age.ms metadata.recovery.rebootstrap.trigger.ms metadata.recovery.strategy
    plugin.library.paths receive.message.max.bytes reconnect.backoff.max.ms reconnect.backoff.ms
    retry.backoff.max.ms retry.backoff.ms socket.connection.setup.timeout.ms socket.keepalive.enable
    socket.max.fails socket.nagle.disable socket.receive.buffer.bytes socket.send.buffer.bytes socket.timeout.ms
    statistics.interval.ms topic.metadata.propagation.max.ms topic.metadata.refresh.fast.interval.ms
    topic.metadata.refresh.interval.ms topic.metadata.refresh.sparse
    """.split()
)
CONSUMER: Final = frozenset(
    """
    check.crcs coordinator.query.interval.ms fetch.error.backoff.ms fetch.max.bytes fetch.min.bytes
    fetch.queue.backoff.ms fetch.wait.max.ms max.partition.fetch.bytes max.poll.interval.ms
    queued.max.messages.kbytes queued.min.messages
    """.split()
)
PRODUCER: Final = frozenset(
    """
    batch.num.messages batch.size compression.level compression.type linger.ms queue.buffering.backpressure.threshold
    queue.buffering.max.kbytes queue.buffering.max.messages request.timeout.ms
    """.split()
)
PROPERTIES: Final = COMMON | CONSUMER | PRODUCER

ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "compression.codec": "compression.type",
        "fetch.message.max.bytes": "max.partition.fetch.bytes",
        "metadata.broker.list": "bootstrap.servers",
        "queue.buffering.max.ms": "linger.ms",
        "sasl.mechanisms": "sasl.mechanism",
        "sasl.oauthbearer.client.credentials.client.id": "sasl.oauthbearer.client.id",
        "sasl.oauthbearer.client.credentials.client.secret": "sasl.oauthbearer.client.secret",
    }
)

_EXACT: Final = "exactly once depends on it, so the worker sets it itself"
_OFFSETS: Final = "offsets are committed with the transaction that they belong to, and in no other way"
_TOGETHER: Final = "the same partition of every input topic must go to the same worker, so it sets this itself"
OWNED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "group.id": "set worker.group",
        "group.instance.id": "the worker takes it from worker.id where it needs it",
        "group.protocol": "set worker.group_protocol",
        "group.remote.assignor": _TOGETHER,
        "partition.assignment.strategy": _TOGETHER,
        "session.timeout.ms": "set worker.session_timeout_ms",
        "heartbeat.interval.ms": "it follows worker.session_timeout_ms",
        "enable.auto.commit": _OFFSETS,
        "auto.commit.enable": _OFFSETS,
        "auto.commit.interval.ms": _OFFSETS,
        "enable.auto.offset.store": _OFFSETS,
        "auto.offset.reset": "the worker decides where a partition begins",
        "enable.partition.eof": "the worker's restore depends on it",
        "isolation.level": "everything is read with read_committed",
        "transactional.id": "it is made of worker.group and worker.id",
        "transaction.timeout.ms": "set worker.transaction_timeout_ms",
        "enable.idempotence": _EXACT,
        "acks": _EXACT,
        "request.required.acks": _EXACT,
        "retries": _EXACT,
        "message.send.max.retries": _EXACT,
        "max.in.flight": _EXACT,
        "max.in.flight.requests.per.connection": _EXACT,
        "message.timeout.ms": "it follows worker.transaction_timeout_ms",
        "delivery.timeout.ms": "it follows worker.transaction_timeout_ms",
        "delivery.report.only.error": "the worker sets it itself",
        "partitioner": "every producer partitions by Kafka's murmur2 of the key, or a site's records part ways",
        "sticky.partitioning.linger.ms": "every record has a key",
        "message.max.bytes": "the sizes of the topics are fixed by the contract",
        "allow.auto.create.topics": "topics are made by `ronde topics create` only",
    }
)

SECRETS: Final = frozenset(
    """
    sasl.password sasl.oauthbearer.config sasl.oauthbearer.client.secret
    sasl.oauthbearer.assertion.private.key.passphrase sasl.oauthbearer.assertion.private.key.pem
    ssl.key.password ssl.key.pem ssl.keystore.password
    """.split()
)

_AS_GIVEN: Final[Mapping[Role, Mapping[str, Value]]] = MappingProxyType({"producer": {}, "consumer": {}})


def of_role(properties: Mapping[str, str], role: Role) -> dict[str, Value]:
    """Those of the properties that a client of this role understands; it would warn of the others."""
    known = {"consumer": COMMON | CONSUMER, "producer": COMMON | PRODUCER, "admin": COMMON}[role]
    return {name: value for name, value in properties.items() if name in known}


def refusals(
    properties: Mapping[str, str], own: Mapping[Role, Mapping[str, Value]] = _AS_GIVEN
) -> list[tuple[str | None, str]]:
    """What librdkafka itself says against these values: (the property, when it names one of them; what it says).

    Makes clients with them, without an address: nothing is connected to. ``own``: the clients, and what the process
    itself sets for each.
    """
    found: list[tuple[str | None, str]] = []
    rest = {name: value for name, value in properties.items() if name != "bootstrap.servers"}
    while (rest or any(own.values())) and (refusal := _first_refusal(rest, own)):
        found.append(refusal)
        if refusal[0] not in rest:
            break  # not about one property: what else is wrong would be a guess
        del rest[refusal[0]]
    return found


def _first_refusal(
    properties: Mapping[str, str], own: Mapping[Role, Mapping[str, Value]]
) -> tuple[str | None, str] | None:
    from confluent_kafka import Consumer, KafkaException, Producer  # noqa: PLC0415 - heavy, and rarely needed

    quiet = {"log_level": 0}
    try:
        if "producer" in own:
            Producer({**of_role(properties, "producer"), **own["producer"], **quiet}, logger=silent(__name__))
        if "consumer" in own:
            theirs = {**of_role(properties, "consumer"), **own["consumer"], **quiet, "group.id": "none"}
            Consumer(theirs, logger=silent(__name__)).close()
    except KafkaException as error:
        said = error.args[0].str()
        named = re.search(r'property "([^"]+)"', said) or re.search(r"(ssl\.[a-z.]+) failed", said)
        if named:
            return ALIASES.get(named.group(1), named.group(1)), said
        compared = re.findall("`([a-z.]+)`", said)  # two that do not fit each other, of which one may be ours
        return next((name for name in compared if name in properties), None), said
    return None
