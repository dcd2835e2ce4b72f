"""The SRE's: nothing is lost, all is in time, the work moves, and what it costs."""

from deploy.dashboards.panels import BYTES, COUNT, PER_SECOND, SECONDS, SHARE, board, lines, number, ready, spread

SLOW = (
    '(sum(increase(ronde_alert_to_call_seconds_count[{0}])) - sum(increase(ronde_alert_to_call_seconds_bucket{{le="30.0"}}[{0}])))'
    " / (sum(increase(ronde_alert_to_call_seconds_count[{0}])) > 0)"
)
UNACCOUNTED = (
    "sum by (topic) (ronde_inputs_total) - (sum by (topic) "
    '({__name__=~"ronde_inputs_(decided|quarantined|published|dead_lettered)_total"}) or 0 * sum by (topic) (ronde_inputs_total))'
)
LATE = "sum(increase(ronde_deadline_lateness_seconds_count[$__range])) - sum(increase({}[$__range]))".format(
    'ronde_deadline_lateness_seconds_bucket{le="5.0"}'
)

DASHBOARD = board(
    "ronde: SRE",
    "ronde-sre",
    "Whether every input has its end, on time; whether work moves; what it costs.",
    {
        "Is all well?": (
            number(
                "Unaccounted inputs",
                "Inputs taken minus inputs that ended. If it is not 0 at every moment, an alert may be lost.",
                f"sum({UNACCOUNTED})",
                bad=1,
                runbook="RondeInputsUnaccounted",
            ),
            number(
                "Dead letters",
                "Inputs of the time shown that could not be handled.",
                "sum(increase(ronde_inputs_dead_lettered_total[$__range]))",
                bad=1,
                runbook="RondeDeadLetters",
            ),
            number(
                "Calls too late",
                "Of the alerts of the time shown that led to a call: the share that waited for it for more than 30 s. The objective allows 1 %.",
                SLOW.format("$__range"),
                SHARE,
                warn=0.005,
                bad=0.01,
                runbook="RondeAlertToCallSlow",
            ),
            number(
                "Late deadlines",
                "Deadlines of the time shown that were handled more than 5 s after they were due.",
                LATE,
                bad=1,
                runbook="RondeDeadlineLate",
            ),
            number(
                "Oldest input waiting",
                "How long the next input has waited, of the worst partition.",
                "max(ronde_input_lag_seconds)",
                SECONDS,
                warn=10,
                bad=30,
                runbook="RondeInputLag",
            ),
            number(
                "Longest standstill",
                "For how long some work of a worker has not moved; its page /health fails meanwhile.",
                "max(ronde_standing_still_seconds)",
                SECONDS,
                warn=1,
                bad=60,
                runbook="RondeStandingStill",
            ),
            ready("Workers", "ronde_ready", "RondeNoWorker"),
            number(
                "Partitions nobody holds",
                "Of all partitions: those that no worker holds.",
                "max(ronde_topic_partitions) - sum(ronde_partitions)",
                bad=1,
                runbook="RondePartitionsUnheld",
            ),
            number(
                "Failed or set aside",
                "States set aside and deadlines that failed in the time shown; each raised an attention.",
                "sum(increase(ronde_states_set_aside_total[$__range])) + sum(increase(ronde_deadlines_failed_total[$__range]))",
                bad=1,
                runbook="RondeCoreFailed",
            ),
            number(
                "Clock jumps",
                "Forward jumps of a wall clock in the time shown that partitions did not follow.",
                "sum(increase(ronde_clock_jumps_total[$__range]))",
                bad=1,
                runbook="RondeClockJumped",
            ),
            number(
                "Ledger behind",
                "The age of the newest record in the ledger, of the topic furthest behind; 0 when nothing is to come.",
                "max(ronde_sink_lag_seconds)",
                SECONDS,
                warn=60,
                bad=300,
                runbook="RondeLedgerBehind",
            ),
            number(
                "Ledger lacks",
                "Records of the time shown that were refused, or deleted from Kafka before a sink read them.",
                "sum(increase(ronde_sink_refused_total[$__range])) + sum(increase(ronde_sink_missed_records_total[$__range]))",
                bad=1,
                runbook="RondeLedgerIncomplete",
            ),
        ),
        "Conservation": (
            lines(
                "Inputs taken",
                "Records taken from each input topic.",
                {"{{topic}}": "sum by (topic) (rate(ronde_inputs_total[$__rate_interval]))"},
                PER_SECOND,
            ),
            lines(
                "How they end",
                "Each input ends in exactly one of these ways.",
                {
                    "decided": "sum(rate(ronde_inputs_decided_total[$__rate_interval]))",
                    "quarantined": "sum(rate(ronde_inputs_quarantined_total[$__rate_interval]))",
                    "published (sites)": "sum(rate(ronde_inputs_published_total[$__rate_interval]))",
                    "dead-lettered": "sum(rate(ronde_inputs_dead_lettered_total[$__rate_interval]))",
                },
                PER_SECOND,
                stacked=True,
            ),
            lines(
                "Unaccounted, by topic",
                "Inputs taken minus inputs that ended.",
                {"{{topic}}": UNACCOUNTED},
                bad=1,
                runbook="RondeInputsUnaccounted",
            ),
        ),
        "In time": (
            lines(
                "From an alert to its call",
                "From the alert's timestamp in Kafka to its committed command; the objective is 99 % within 30 s.",
                spread("ronde_alert_to_call_seconds"),
                SECONDS,
                warn=10,
                bad=30,
                runbook="RondeAlertToCallSlow",
            ),
            lines(
                "Lateness of deadlines",
                "From a deadline to the decision that handled it; the objective is all within 5 s.",
                spread("ronde_deadline_lateness_seconds"),
                SECONDS,
                warn=1,
                bad=5,
                runbook="RondeDeadlineLate",
            ),
            lines(
                "Decisions",
                "Decisions by version of the procedure; `none` are those without an incident.",
                {"{{procedure}}": "sum by (procedure) (rate(ronde_decisions_total[$__rate_interval]))"},
                PER_SECOND,
                stacked=True,
            ),
        ),
        "The work moves": (
            lines(
                "Lag in seconds",
                "How long the next input has waited, of the worst partition of each topic.",
                {"{{topic}}": "max by (topic) (ronde_input_lag_seconds)"},
                SECONDS,
                warn=10,
                bad=30,
                runbook="RondeInputLag",
            ),
            lines(
                "Lag in records",
                "Inputs that wait.",
                {"{{topic}}": "sum by (topic) (ronde_input_lag_records)"},
                runbook="RondeNoProgress",
            ),
            lines(
                "Transactions",
                "From begin to commit. One commit takes 4 to 10 ms on a healthy Kafka.",
                spread("ronde_transaction_seconds"),
                SECONDS,
                warn=0.5,
                bad=5,
            ),
            lines(
                "Size of a chunk",
                "Inputs and deadlines of one transaction: a few with little traffic, thousands when a worker is behind.",
                spread("ronde_chunk_size_records"),
                COUNT,
            ),
            lines(
                "Transactions refused",
                "Refused, undone and restarted from the log, by Kafka's error.",
                {
                    "{{reason}}": "sum by (reason) (increase(ronde_transactions_aborted_total[$__rate_interval])) or vector(0)",
                },
                bad=1,
                runbook="RondeTransactionsRefused",
            ),
            lines(
                "Kafka's and the registry's errors",
                "What Kafka clients reported, and attempts to reach the schema registry that failed.",
                {
                    "{{error}}": "sum by (error) (increase(ronde_kafka_errors_total[$__rate_interval])) or vector(0)",
                    "registry": "sum(increase(ronde_registry_failures_total[$__rate_interval]))",
                },
                bad=1,
            ),
        ),
        "Partitions": (
            lines(
                "Held, by what they do",
                "Partitions of all workers: at work, restoring, or catching up.",
                {"{{phase}}": "sum by (phase) (ronde_partitions)"},
                stacked=True,
                runbook="RondeRestoreSlow",
            ),
            lines(
                "Restores",
                "From a partition's assignment to its first input: mean and slowest since the workers started.",
                {
                    "mean": "sum(ronde_restore_seconds_sum) / sum(ronde_restore_seconds_count)",
                    "99 %": "histogram_quantile(0.99, sum by (le) (ronde_restore_seconds_bucket))",
                },
                SECONDS,
                warn=30,
                bad=120,
                runbook="RondeRestoreSlow",
            ),
            lines(
                "Read by restores",
                "Keys and values of states and site records.",
                {"{{instance}}": "sum by (instance) (rate(ronde_restored_bytes_total[$__rate_interval]))"},
                "Bps",
            ),
            lines(
                "Rebalances",
                "Changes of the assignment.",
                {"{{event}}": "sum by (event) (increase(ronde_rebalances_total[$__rate_interval]))"},
                stacked=True,
            ),
            lines(
                "State held",
                "Sites with a state, site records, and deadlines, superseded ones included.",
                {
                    "states": "sum(ronde_state_records)",
                    "site records": "sum(ronde_site_records)",
                    "deadlines": "sum(ronde_deadlines_armed)",
                },
            ),
            lines(
                "Size of that state",
                "The values of states and of site records, without their keys.",
                {"states": "sum(ronde_state_bytes)", "site records": "sum(ronde_site_bytes)"},
                BYTES,
            ),
        ),
        "Processes": (
            lines(
                "Memory",
                "Resident memory of each process.",
                {"{{instance}}": "process_resident_memory_bytes and on (instance) ronde_build_info"},
                BYTES,
                runbook="RondeWorkerRestarting",
            ),
            lines(
                "Processor",
                "In cores. A worker decides on one, and a receiver uses one.",
                {
                    "{{instance}}": "rate(process_cpu_seconds_total[$__rate_interval]) and on (instance) ronde_build_info"
                },
                SHARE,
                warn=0.7,
                bad=0.95,
            ),
            lines(
                "Versions",
                "Processes by version.",
                {"{{version}}": "count by (version) (ronde_build_info)"},
                stacked=True,
            ),
        ),
        "Ledger": (
            lines(
                "Records behind",
                "Records that are not in the ledger yet.",
                {"{{topic}}": "sum by (topic) (ronde_sink_lag_records)"},
                runbook="RondeLedgerBehind",
            ),
            lines(
                "Records written",
                "Records written to the ledger.",
                {"{{topic}}": "sum by (topic) (rate(ronde_sink_rows_total[$__rate_interval]))"},
                PER_SECOND,
                stacked=True,
            ),
            lines(
                "Transactions of sinks",
                "From begin to commit in PostgreSQL.",
                spread("ronde_sink_transaction_seconds"),
                SECONDS,
                warn=1,
                bad=10,
            ),
            lines(
                "Attempts that failed",
                "By what is away: PostgreSQL, Kafka or the registry.",
                {"{{thing}}": "sum by (thing) (increase(ronde_sink_failures_total[$__rate_interval]))"},
                bad=1,
                runbook="RondeLedgerNotWriting",
            ),
        ),
    },
)
