"""For those who keep the portal: whether changes are taken, how soon, and whether they reach Kafka."""

from deploy.dashboards.panels import BYTES, PER_SECOND, SECONDS, board, lines, number, quantile, ready, spread

PORTALS = "and on (instance) ronde_portal_ready"

DASHBOARD = board(
    "ronde: portal",
    "ronde-portal",
    "Whether customers' changes are taken, and whether the engine gets them.",
    {
        "Are changes taken and passed on?": (
            ready("Portals", "ronde_portal_ready", "RondeNoPortal"),
            number(
                "Oldest waits",
                "How long the oldest record that is not on Kafka yet has waited.",
                "max(ronde_portal_outbox_age_seconds)",
                SECONDS,
                warn=1,
                bad=30,
                runbook="RondePortalBehind",
            ),
            number(
                "Waiting",
                "Sites and transmitters whose last state is not on Kafka yet.",
                "max(ronde_portal_outbox_records)",
                runbook="RondePortalBehind",
            ),
            number(
                "Failed",
                "Requests of the time shown that were answered by 5xx.",
                'sum(increase(ronde_portal_answers_total{status="5xx"}[$__range]))',
                bad=1,
            ),
            number(
                "Slowest 1 %",
                "From a request to its answer: 99 % are faster. A new password takes longer: it is hashed slowly.",
                quantile(0.99, "ronde_portal_request_seconds").replace("$__rate_interval", "$__range"),
                SECONDS,
                warn=0.15,
                bad=1,
            ),
            number(
                "Changes",
                "Changes of the time shown that the database holds.",
                "sum(increase(ronde_portal_changes_total[$__range]))",
            ),
        ),
        "Requests": (
            lines(
                "Answers",
                "By class of status. 4xx: refused, stale, not signed in.",
                {"{{status}}": "sum by (status) (rate(ronde_portal_answers_total[$__rate_interval]))"},
                PER_SECOND,
                stacked=True,
            ),
            lines(
                "Time to the answer",
                "From a request to its answer.",
                spread("ronde_portal_request_seconds"),
                SECONDS,
                warn=0.15,
                bad=1,
            ),
            lines(
                "Age of what the engine says",
                "Of the oldest partition of `readiness`; above 5 s no page says that alerts go through.",
                {"{{instance}}": "max by (instance) (ronde_portal_view_age_seconds)"},
                SECONDS,
                warn=2,
                bad=5,
            ),
        ),
        "From the database to Kafka": (
            lines(
                "Changed and passed on",
                "Changes that the database holds, and records on Kafka; several changes of a site may be one record.",
                {
                    "changes": "sum(rate(ronde_portal_changes_total[$__rate_interval]))",
                    "records": "sum(rate(ronde_portal_published_total[$__rate_interval]))",
                },
                PER_SECOND,
                runbook="RondePortalBehind",
            ),
            lines(
                "Age of the outbox",
                "How long the oldest record that is not on Kafka yet has waited.",
                "max(ronde_portal_outbox_age_seconds)",
                SECONDS,
                warn=1,
                bad=30,
                runbook="RondePortalBehind",
            ),
            lines(
                "Away",
                "Attempts of the relay that failed, by what did not answer.",
                {"{{thing}}": "sum by (thing) (increase(ronde_portal_failures_total[$__rate_interval]))"},
                stacked=True,
                bad=1,
                runbook="RondePortalBehind",
            ),
            lines(
                "Memory",
                "Resident memory of each portal.",
                {"{{instance}}": f"process_resident_memory_bytes {PORTALS}"},
                BYTES,
                width=12,
            ),
            lines(
                "Processor",
                "In cores. Hashing takes one for each of two words at a time.",
                {"{{instance}}": f"rate(process_cpu_seconds_total[$__rate_interval]) {PORTALS}"},
                width=12,
            ),
        ),
    },
)
