"""All tables of the settings: those of the streams, the sinks and the edges, which do not import each other."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import Field

from edges.desk.settings import DeskConfiguration, DeskSettings
from edges.partners.settings import PartnersConfiguration, PartnersSettings
from edges.portal.settings import PortalConfiguration, PortalSettings
from edges.receiver.settings import ReceiverConfiguration, ReceiverSettings
from edges.settings import Connection
from edges.watchdog.settings import WatchdogConfiguration, WatchdogSettings
from edges.web.settings import WebSettings
from seal.settings import SealConfiguration, SealSettings
from service.objectives import ObjectiveSettings
from service.postgres_settings import PostgresSettings
from sinks.settings import Configuration, SinkSettings
from streams.settings import Settings

_DAY_SECONDS: Final = 24 * 3600


class WholeSettings(Settings):
    """Everything that a settings file may hold (contracts.md, Settings)."""

    sink: SinkSettings = Field(default_factory=SinkSettings)
    postgres: PostgresSettings = PostgresSettings()
    receiver: ReceiverSettings = Field(default_factory=ReceiverSettings)
    desk: DeskSettings = Field(default_factory=DeskSettings)
    portal: PortalSettings = Field(default_factory=PortalSettings)
    partners: PartnersSettings = Field(default_factory=PartnersSettings)
    watchdog: WatchdogSettings = Field(default_factory=WatchdogSettings)
    web: WebSettings = WebSettings()
    seal: SealSettings = SealSettings()
    objectives: ObjectiveSettings = ObjectiveSettings()

    def for_sink(self) -> Configuration:
        """Return the sink's settings; with secrets, so never log them."""
        return Configuration(
            prefix=self.prefix,
            replication_factor=self.topics.replication_factor,
            registry=self.registry,
            consumer=self.client("consumer"),
            admin=self.client("admin"),
            sink=self.sink,
            postgres=self.postgres,
        )

    def for_seal(self) -> SealConfiguration:
        """Return the seal's settings; with secrets, so never log them."""
        return SealConfiguration(
            seal=self.seal,
            prefix=self.prefix,
            group=self._group("seal", self.seal.id),
            partitions=self.topics.partitions,
            consumer=self.client("consumer"),
            postgres=self.postgres,
            registry=self.registry,
            admin=self.client("admin"),
        )

    def for_edge(self, role: str, name: str, data_dir: Path) -> Connection:
        """How an edge reaches Kafka, as a role of `schemas.contract.roles`; ``name`` is the process's.

        Secrets included.
        """
        return Connection(
            prefix=self.prefix,
            group=self._group(role, name),
            partitions=self.topics.partitions,
            consumer=self.client("consumer"),
            producer=self.client("producer"),
            registry=self.registry,
            data_dir=data_dir,
        )

    def _group(self, role: str, name: str) -> str:
        """The group that `ronde topics acl` allows the principal of a role."""
        return f"{self.prefix}{role}.{self.kafka.get('sasl.username', name)}"

    def for_desk(self) -> DeskConfiguration:
        """What a desk needs of it; secrets included, never log them."""
        connection = self.for_edge("desk", self.desk.id, self.desk.data_dir)
        return DeskConfiguration(
            self.desk,
            self.web,
            connection,
            self._lookback_ms(),
            self.canary.site,
            self.postgres if self.postgres.model_fields_set else None,
            self.objectives,
        )

    def for_receiver(self) -> ReceiverConfiguration:
        """What a receiver needs of it; secrets included, never log them."""
        connection = self.for_edge("receiver", self.receiver.id, self.receiver.data_dir)
        return ReceiverConfiguration(self.receiver, connection, self.web.tokens_file)

    def for_portal(self) -> PortalConfiguration:
        """What a portal needs of it; secrets included, never log them."""
        return PortalConfiguration(
            portal=self.portal,
            connection=self.for_edge("portal", self.portal.id, self.portal.data_dir),
            postgres=self.postgres,
            web=self.web,
            wrapping_key=self.receiver.wrapping_key,
        )

    def for_partners(self) -> PartnersConfiguration:
        """What `ronde partners` needs of it; secrets included, never log them. All its processes are one group."""
        return PartnersConfiguration(
            partners=self.partners,
            connection=self.for_edge("partners", "all", self.partners.data_dir),
            postgres=self.postgres,
            web=self.web,
        )

    def for_watchdog(self) -> WatchdogConfiguration:
        """What the watchdog needs of it; secrets included, never log them."""
        return WatchdogConfiguration(
            watchdog=self.watchdog,
            connection=self.for_edge("watchdog", self.watchdog.id, self.watchdog.data_dir),
            catch_up_seconds=self.worker.catch_up_seconds,
            canary_site=self.canary.site,
            lookback_ms=self._lookback_ms(),
        )

    def _lookback_ms(self) -> int:
        """How far back decisions of every open incident reach: the longest phase, at least a day."""
        longest = max(
            seconds
            for procedure in self.procedures().values()
            for seconds in (
                procedure.wait_seconds,
                procedure.call_timeout_seconds,
                procedure.response_timeout_seconds,
                procedure.arrival_timeout_seconds,
                procedure.on_site_timeout_seconds,
                procedure.attention_interval_seconds,
            )
        )
        return max(_DAY_SECONDS, longest) * 1000
