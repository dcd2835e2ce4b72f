"""For those who lead the operators: what waits, how soon first calls are taken, and whether the desks see the present."""

from deploy.dashboards.panels import SECONDS, SHARE, board, lines, number, ready

WITHIN = "max by (kind, seconds) (ronde_desk_first_calls_within)"
CALLS = "max by (kind) (ronde_desk_first_calls)"

DASHBOARD = board(
    "ronde: desk",
    "ronde-desk",
    "What waits for operators, how soon they take it, and whether the desks see the present. All desks see the same.",
    {
        "Now": (
            number(
                "Oldest waiting call",
                "For how long the oldest call waits that nobody holds.",
                "max(ronde_desk_oldest_unclaimed_seconds)",
                SECONDS,
                warn=30,
                bad=45,
                runbook="RondeCallsWaiting",
            ),
            number(
                "Open incidents",
                "Incidents that are open, by the desk that sees most.",
                "max(ronde_desk_open_incidents)",
            ),
            ready("Desks", "ronde_desk_ready", "RondeDeskStale"),
            number(
                "Oldest view",
                "How old what the worst desk has read is. Above 5 s its pages are red.",
                "max(ronde_desk_view_age_seconds)",
                SECONDS,
                bad=5,
                runbook="RondeDeskStale",
            ),
            number(
                "Deadlines that nobody handled",
                "Incidents whose deadline passed 45 s ago without a decision: the engine stands still.",
                "max(ronde_desk_forgotten_deadlines)",
                bad=1,
                runbook="RondeStandingStill",
            ),
        ),
        "Work": (
            lines(
                "Things to do",
                "Calls and attentions in the list, by urgency, and whether somebody holds them.",
                {"{{urgency}}, held: {{held}}": "max by (urgency, held) (ronde_desk_work_items)"},
                stacked=True,
                runbook="RondeCallsWaiting",
            ),
            lines(
                "First calls taken in time, today",
                "By kind and bound. A day begins at midnight, UTC.",
                {"{{kind}} in {{seconds}} s": f"{WITHIN} / on (kind) group_left () ({CALLS} > 0)"},
                SHARE,
            ),
            lines(
                "Above or below the objective",
                "Today's share less the objective's, by kind and bound: below 0 it is missed.",
                {
                    "{{kind}} in {{seconds}} s": (
                        f"{WITHIN} / on (kind) group_left () ({CALLS} > 0)"
                        " - on (kind, seconds) max by (kind, seconds) (ronde_desk_objective_ratio)"
                    )
                },
                SHARE,
            ),
            lines(
                "Words tried",
                "Words that were judged, by verdict.",
                {"{{verdict}}": "sum by (verdict) (increase(ronde_desk_words_total[$__rate_interval]))"},
            ),
        ),
        "Desks": (
            lines(
                "Browsers that listen",
                "Event streams, by desk.",
                {"{{instance}}": "max by (instance) (ronde_desk_event_streams)"},
            ),
            lines(
                "Age of what is read",
                "Of each desk's worst partition.",
                {"{{instance}}": "max by (instance) (ronde_desk_view_age_seconds)"},
                SECONDS,
                bad=5,
                runbook="RondeDeskStale",
            ),
            lines(
                "Not confirmed, not decodable",
                "Writes that Kafka did not confirm in time, and records that were left out, since each desk's start.",
                {
                    "{{instance}} not confirmed": "max by (instance) (ronde_desk_unconfirmed_writes)",
                    "{{instance}} not decodable": "max by (instance) (ronde_desk_undecodable_records)",
                },
            ),
        ),
    },
)
