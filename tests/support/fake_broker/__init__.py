"""A Kafka broker in memory, with consumers and producers that behave as confluent-kafka's do.

It knows the calls that assignment, restore, log reader, chunk reader and transactions make. One contract suite
(`tests/streams/test_client_contract.py`) runs over it and over a real broker.
"""

from tests.support.fake_broker.broker import FakeBroker
from tests.support.fake_broker.consumer import FakeConsumer
from tests.support.fake_broker.producer import FakeProducer

__all__ = ["FakeBroker", "FakeConsumer", "FakeProducer"]
