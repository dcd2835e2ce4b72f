"""A broker as a careful operator runs it: TLS, SCRAM users, and access rules that allow nothing by themselves."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any, Final, NamedTuple

import trustme
from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # they are documented there
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ronde.local.kafka import Kafka
from ronde.local.ports import HOST, free_port
from service.silence import silent
from tests.support.waiting import eventually

ADMIN: Final = "admin"
MECHANISM: Final = "SCRAM-SHA-512"
ITERATIONS: Final = 4096  # the fewest that Kafka takes


class User(NamedTuple):
    """Who logs in with what."""

    name: str
    password: str

    @property
    def principal(self) -> str:
        return f"User:{self.name}"


class SecureKafka:
    """One broker with a SASL_SSL listener, StandardAuthorizer, and one administrator.

    Its plain listener is for itself: the node's own connections, and making the users.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = trustme.CA()
        self.authority = folder / "authority.pem"
        self.authority.write_bytes(self._authority.cert_pem.bytes())
        self.another_authority = folder / "another-authority.pem"
        self.another_authority.write_bytes(trustme.CA().cert_pem.bytes())
        plain, secure, controller = free_port(), free_port(), free_port()
        self.servers = f"{HOST}:{secure}"
        self.node = Kafka(folder / "kafka", port=plain, extra_properties=self._properties(plain, secure, controller))
        self.admin = User(ADMIN, secrets.token_hex(8))

    def start(self) -> None:
        self.node.start()
        self.make(self.admin)

    def user(self, role: str) -> User:
        """A new user, who may do nothing yet."""
        user = User(f"{role}-{secrets.token_hex(3)}", secrets.token_hex(8))
        self.make(user)
        return user

    def properties(self, user: User) -> dict[str, Any]:
        """What the settings of this user say about Kafka."""
        return {
            "bootstrap.servers": self.servers,
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": str(self.authority),
            "sasl.mechanism": MECHANISM,
            "sasl.username": user.name,
            "sasl.password": user.password,
        }

    def certificate(self, name: str, password: str) -> dict[str, str]:
        """A certificate of a client, whose key lies encrypted on the disk."""
        pem, key = self._folder / f"{name}.pem", self._folder / f"{name}-key.pem"
        self._write_certificate(name, pem, key, BestAvailableEncryption(password.encode()))
        return {"ssl.certificate.location": str(pem), "ssl.key.location": str(key)}

    def make(self, user: User) -> None:
        wanted = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, ITERATIONS)
        asked = UserScramCredentialUpsertion(user.name, wanted, user.password.encode())
        itself = AdminClient({"bootstrap.servers": self.node.bootstrap_servers})
        itself.alter_user_scram_credentials([asked])[user.name].result()

        client = AdminClient({**self.properties(user), "log_level": 0}, logger=silent(__name__))

        def is_known() -> bool:  # what answers for it may know of it before what signs it in does
            try:
                client.list_topics(timeout=2)
            except KafkaException:
                return False
            return True

        eventually(is_known, f"the user {user.name}")

    def _properties(self, plain: int, secure: int, controller: int) -> dict[str, str]:
        certificate, key = self._folder / "broker.pem", self._folder / "broker-key.pem"
        self._write_certificate(HOST, certificate, key, NoEncryption())
        certificate.write_bytes(key.read_bytes() + certificate.read_bytes())
        tls, scram = "listener.name.sasl_ssl.ssl", "listener.name.sasl_ssl.scram-sha-512"
        return {
            "listeners": f"PLAINTEXT://{HOST}:{plain},SASL_SSL://{HOST}:{secure},CONTROLLER://{HOST}:{controller}",
            "controller.quorum.voters": f"1@{HOST}:{controller}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:ANONYMOUS;User:{ADMIN}",
            "sasl.enabled.mechanisms": MECHANISM,
            f"{scram}.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
            f"{tls}.keystore.type": "PEM",
            f"{tls}.keystore.location": str(certificate),
            f"{tls}.truststore.type": "PEM",
            f"{tls}.truststore.location": str(self.authority),
            f"{tls}.client.auth": "requested",
        }

    def _write_certificate(self, name: str, pem: Path, key: Path, encryption: KeySerializationEncryption) -> None:
        """In PKCS #8, which is what Java and librdkafka both read."""
        made = self._authority.issue_cert(name)
        private = load_pem_private_key(made.private_key_pem.bytes(), None)
        pem.write_bytes(b"".join(part.bytes() for part in made.cert_chain_pems))
        key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
