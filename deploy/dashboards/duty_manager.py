"""The duty manager's: what is open now, who is called and reached, who is on the way, and what waits for a human."""

from deploy.dashboards.panels import COUNT, SECONDS, SHARE, board, lines, number, spread

REACHED = 'sum(increase(ronde_call_results_total{outcome!="NO_ANSWER"}[$__range]))'
TRIED = "(sum(increase(ronde_call_results_total[$__range])) + sum(increase(ronde_calls_unanswered_total[$__range])))"
CLOSINGS = "RESOLVED|RESOLVED_BY_CALLBACK|INTERVENTION_CLOSED|OPERATOR_CLOSED"
DISPATCHES = "NOBODY_REACHED|CONFIRMATION_FAILED|CONFIRMED_ABNORMAL|DURESS|OPERATOR_DISPATCH|CONFIRMED_AFTER_DISPATCH"

DASHBOARD = board(
    "ronde: duty manager",
    "ronde-duty-manager",
    "What is open now, who is called and reached, who is on the way, and what needs a human.",
    {
        "Now": (
            number(
                "Open incidents",
                "Incidents that are not closed, of all sites.",
                "sum(ronde_incidents_open)",
            ),
            number(
                "Contacts are being called",
                "Incidents with a call outstanding; each call has two minutes.",
                'sum(ronde_incidents_open{phase=~"CALLING|CONFIRMING"})',
            ),
            number(
                "Waiting for a callback",
                "Nobody was reached in the first round; the second begins ten minutes later, or with the next alert.",
                'sum(ronde_incidents_open{phase="WAITING"})',
            ),
            number(
                "With a partner",
                "A partner is asked, or a guard is on the way or on site.",
                'sum(ronde_incidents_open{phase="DISPATCHED"})',
            ),
            number(
                "Handed over",
                "Nobody goes there unless you act: no partner, none left, or in doubt.",
                'sum(ronde_incidents_open{phase="HANDED_OVER"})',
                warn=1,
                bad=5,
                runbook="RondeAttentionUnhandled",
            ),
            number(
                "Raised again",
                "Attentions of the last 35 minutes that were raised again because nobody had handled them.",
                'sum(increase(ronde_attentions_total{raised="again"}[35m]))',
                bad=1,
                runbook="RondeAttentionUnhandled",
            ),
        ),
        "Incidents": (
            lines(
                "Open, by phase",
                "Each open incident is in one of these phases.",
                {"{{phase}}": "sum by (phase) (ronde_incidents_open)"},
                stacked=True,
                width=12,
            ),
            lines(
                "How they end",
                "Closed in each interval of the graph: resolved in a call or a callback, after a guard's visit, by an operator.",
                {
                    "{{rule}}": f'sum by (rule) (increase(ronde_decisions_total{{rule=~"{CLOSINGS}"}}[$__rate_interval]))'
                },
                stacked=True,
                width=12,
            ),
        ),
        "Calls": (
            number(
                "Reached",
                "Of the calls of the time shown: the share in which somebody answered, with any result.",
                f"{REACHED} / {TRIED}",
                SHARE,
            ),
            number(
                "Calls",
                "Call commands of the time shown; cancels and repeats of a code do not count.",
                'sum(increase(ronde_call_commands_total{action="CALL"}[$__range]))',
            ),
            number(
                "No result in time",
                "Calls of the time shown that timed out without a result: nobody placed them, or nobody reported the result.",
                "sum(increase(ronde_calls_unanswered_total[$__range]))",
                runbook="RondeTelephonySilent",
            ),
            lines(
                "Results",
                "Results of calls, callbacks included, by outcome.",
                {
                    "{{outcome}}": "sum by (outcome) (increase(ronde_call_results_total[$__rate_interval]))",
                    "no result in time": "sum(increase(ronde_calls_unanswered_total[$__rate_interval]))",
                },
                stacked=True,
                width=12,
            ),
            lines(
                "From an alert to its call",
                "Half of the alerts that lead to a call have it within the lower line, 99 % within the upper one. The objective is 30 s.",
                spread("ronde_alert_to_call_seconds"),
                SECONDS,
                warn=10,
                bad=30,
                runbook="RondeAlertToCallSlow",
                width=12,
            ),
        ),
        "Guards": (
            lines(
                "Why guards are sent",
                "Decisions that begin a dispatch, by rule.",
                {
                    "{{rule}}": f'sum by (rule) (increase(ronde_decisions_total{{rule=~"{DISPATCHES}"}}[$__rate_interval]))'
                },
                stacked=True,
            ),
            lines(
                "Commands to partners",
                "Requests, amends and cancels.",
                {"{{action}}": "sum by (action) (increase(ronde_dispatch_commands_total[$__rate_interval]))"},
                stacked=True,
            ),
            lines(
                "What guards report",
                "Reports on open dispatches, by status.",
                {"{{status}}": "sum by (status) (increase(ronde_dispatch_reports_total[$__rate_interval]))"},
                stacked=True,
            ),
        ),
        "Attentions and quarantine": (
            lines(
                "Attentions",
                "By reason: raised for the first time, or again.",
                {
                    "{{reason}} {{raised}}": "sum by (reason, raised) (increase(ronde_attentions_total[$__rate_interval])) > 0"
                    " or sum by (reason, raised) (ronde_attentions_total) * 0"
                },
                stacked=True,
                runbook="RondeAttentionUnhandled",
                width=12,
            ),
            lines(
                "Quarantined alerts",
                "Alerts that opened no incident, by reason: nobody was called for them.",
                {"{{reason}}": "sum by (reason) (increase(ronde_quarantines_total[$__rate_interval]))"},
                COUNT,
                stacked=True,
                runbook="RondeQuarantineSurge",
                width=12,
            ),
        ),
    },
)
