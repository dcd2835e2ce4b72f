"""For those who talk with partners: how often each is asked, whether it answers, and how soon."""

from deploy.dashboards.panels import SECONDS, SHARE, board, lines, number, quantile

PARTNER = 'partner=~"$partner"'
REQUESTS = f'ronde_dispatch_commands_total{{action="REQUEST", {PARTNER}}}'
ANSWERS = f"ronde_dispatch_response_seconds_count{{{PARTNER}}}"
UNANSWERED = f"ronde_dispatch_requests_unanswered_total{{{PARTNER}}}"
WITHIN = f'ronde_dispatch_response_seconds_bucket{{le="120.0", {PARTNER}}}'
SELECTED = f"ronde_dispatch_response_seconds_bucket{{{PARTNER}}}"


def _quantile(share: float) -> str:
    return quantile(share, "ronde_dispatch_response_seconds", "partner").replace(
        "ronde_dispatch_response_seconds_bucket", SELECTED
    )


DASHBOARD = board(
    "ronde: partners",
    "ronde-partners",
    "How often each partner is asked, whether it answers, and how soon. Partners beyond the first hundred are `others`.",
    {
        "The time shown": (
            number(
                "Requests",
                "Requests to the partners chosen, repeats included.",
                f"sum(increase({REQUESTS}[$__range]))",
            ),
            number(
                "Answers",
                "Dispatches that were answered, rejections included.",
                f"sum(increase({ANSWERS}[$__range]))",
            ),
            number(
                "Answered within two minutes",
                "Of the dispatches answered: the share whose first request was answered before it was repeated.",
                f"sum(increase({WITHIN}[$__range])) / sum(increase({ANSWERS}[$__range]))",
                SHARE,
            ),
            number(
                "No answer in time",
                "Requests that timed out after two minutes.",
                f"sum(increase({UNANSWERED}[$__range]))",
                warn=1,
                bad=3,
                runbook="RondePartnerSilent",
            ),
            number(
                "Rejected",
                "Dispatches that a partner declined; the next one was asked.",
                f'sum(increase(ronde_dispatch_reports_total{{status="REJECTED", {PARTNER}}}[$__range]))',
            ),
            number(
                "Guards on site",
                "Reports that a guard has arrived.",
                f'sum(increase(ronde_dispatch_reports_total{{status="ON_SITE", {PARTNER}}}[$__range]))',
            ),
        ),
        "By partner": (
            lines(
                "Requests",
                "Requests, repeats included.",
                {"{{partner}}": f"sum by (partner) (increase({REQUESTS}[$__rate_interval]))"},
                stacked=True,
            ),
            lines(
                "Answers",
                "Dispatches answered, rejections included.",
                {"{{partner}}": f"sum by (partner) (increase({ANSWERS}[$__rate_interval]))"},
                stacked=True,
            ),
            lines(
                "No answer in time",
                "Requests that timed out after two minutes.",
                {"{{partner}}": f"sum by (partner) (increase({UNANSWERED}[$__rate_interval]))"},
                stacked=True,
                runbook="RondePartnerSilent",
            ),
            lines(
                "Response time",
                "From the first request of a dispatch to the answer: half are faster. The request is repeated after two minutes.",
                {"{{partner}}": _quantile(0.5)},
                SECONDS,
                warn=60,
                bad=120,
                width=12,
            ),
            lines(
                "Response time, slowest tenth",
                "The same: nine of ten answers are faster.",
                {"{{partner}}": _quantile(0.9)},
                SECONDS,
                warn=120,
                bad=240,
                width=12,
            ),
            lines(
                "Reports",
                "What guards report on open dispatches.",
                {
                    "{{partner}} {{status}}": "sum by (partner, status) "
                    f"(increase(ronde_dispatch_reports_total{{{PARTNER}}}[$__rate_interval]))"
                },
                stacked=True,
                width=24,
            ),
        ),
    },
    {"partner": ("Partner", "label_values(ronde_dispatch_commands_total, partner)")},
    range_="now-24h",
)
