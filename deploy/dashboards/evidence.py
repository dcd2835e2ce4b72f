"""For those who must know that all is well, and prove it later: the watchdog and the seal."""

from deploy.dashboards.panels import BYTES, PER_SECOND, SECONDS, board, lines, number, quantile

WATCHDOGS = "and on (instance) ronde_watchdog_ready"
SEALS = "and on (instance) ronde_seal_ready"
# Without a canary there is no time of it, and NaN is no value.
CANARY = (
    f"({quantile(0.99, 'ronde_watchdog_canary_seconds').replace('$__rate_interval', '$__range')} >= 0) or vector(0)"
)

DASHBOARD = board(
    "ronde: evidence",
    "ronde-evidence",
    "What a watchdog from outside finds wrong, and whether every record is sealed.",
    {
        "What does the watchdog find?": (
            number(
                "Watchdogs ready",
                "Watchdogs that read Kafka to its end.",
                "sum(ronde_watchdog_ready)",
                runbook="RondeNoWatchdog",
            ),
            number(
                "Wrong now",
                "Findings of all kinds but calls that nobody takes.",
                'sum(max by (kind) (ronde_watchdog_findings{kind!="CALL"}))',
                bad=1,
                runbook="RondeWatchdogFinding",
            ),
            number(
                "Calls untaken",
                "Calls that are neither held nor answered after 45 s.",
                'max(ronde_watchdog_findings{kind="CALL"})',
                bad=1,
                runbook="RondeCallUntaken",
            ),
            number(
                "Canary's slowest",
                "From its frame to the end of its incident, of the time shown; 0: there is none.",
                CANARY,
                SECONDS,
                warn=5,
                bad=20,
                runbook="RondeWatchdogFinding",
            ),
            number(
                "Canaries failed",
                "Alarms of the canary, of the time shown, that were not resolved in time.",
                'sum(increase(ronde_watchdog_canary_rounds_total{outcome="failed"}[$__range]))',
                bad=1,
                runbook="RondeWatchdogFinding",
            ),
            number(
                "Pings failed",
                "Pings of the dead man's switch, of the time shown, that it did not take.",
                'sum(increase(ronde_watchdog_pings_total{outcome="failed"}[$__range]))',
                warn=1,
            ),
            lines(
                "Findings",
                "What is wrong, by kind; `KAFKA` hides the others.",
                {"{{kind}}": "max by (kind) (ronde_watchdog_findings)"},
                stacked=True,
                bad=1,
                runbook="RondeWatchdogFinding",
            ),
            lines(
                "Age of what it reads",
                "Of the partition that is furthest behind; above 5 s that one is not judged.",
                {"{{instance}}": "max by (instance) (ronde_watchdog_age_seconds)"},
                SECONDS,
                warn=5,
                bad=20,
                runbook="RondeWatchdogFinding",
            ),
            lines(
                "What it remembers",
                "Open incidents; these with calls and inputs without an end.",
                {
                    "incidents": "max(ronde_watchdog_open_incidents)",
                    "all": "max(ronde_watchdog_kept)",
                    "posts that failed": 'sum(increase(ronde_watchdog_webhooks_total{outcome="failed"}[$__range]))',
                },
            ),
        ),
        "Is every record sealed?": (
            number(
                "Seals ready",
                "One is enough; a second one ends at once.",
                "sum(ronde_seal_ready)",
                runbook="RondeSealBehind",
            ),
            number(
                "Furthest behind",
                "For how long a topic was not sealed to its end.",
                "max(ronde_seal_lag_seconds)",
                SECONDS,
                warn=60,
                bad=900,
                runbook="RondeSealBehind",
            ),
            number(
                "Age of the last head",
                "Heads are signed once an hour.",
                "time() - max(ronde_seal_head_made_at_seconds > 0)",
                SECONDS,
                warn=3900,
                bad=7200,
                runbook="RondeSealBehind",
            ),
            number(
                "Never sealed",
                "Offsets of the time shown that Kafka had removed before they were sealed.",
                "sum(increase(ronde_seal_missed_records_total[$__range]))",
                bad=1,
                runbook="RondeSealIncomplete",
            ),
            number(
                "Stamps failed",
                "Attempts of the time shown to have a head stamped.",
                'sum(increase(ronde_seal_stamps_total{outcome="failed"}[$__range]))',
                warn=1,
                runbook="RondeHeadsUnstamped",
            ),
            number(
                "Erasures",
                "Erasures of the time shown: secrets destroyed.",
                "sum(increase(ronde_seal_erasures_total[$__range]))",
            ),
            lines(
                "Sealed",
                "Records a second, by topic.",
                {"{{topic}}": "sum by (topic) (rate(ronde_seal_records_total[$__rate_interval]))"},
                PER_SECOND,
                stacked=True,
            ),
            lines(
                "Away",
                "Attempts that failed, by what did not answer.",
                {"{{thing}}": "sum by (thing) (increase(ronde_seal_failures_total[$__rate_interval]))"},
                stacked=True,
                bad=1,
                runbook="RondeSealBehind",
            ),
            lines(
                "Memory",
                "Resident memory of watchdogs and seal.",
                {
                    "watchdog": f"process_resident_memory_bytes {WATCHDOGS}",
                    "seal": f"process_resident_memory_bytes {SEALS}",
                },
                BYTES,
            ),
        ),
    },
)
