"""For panels and their receivers: what comes in, what is answered and how soon, and what gets no answer, by reason."""

from deploy.dashboards.panels import BYTES, PER_SECOND, SECONDS, SHARE, board, lines, number, quantile, ready, spread

OWN_REASONS = "UNCONFIRMED|NO_ROOM|TOO_OLD|KAFKA_SILENT|VIEW_STALE|KEY_SEALED"
RECEIVERS = "and on (instance) ronde_receiver_ready"


def _frames(outcome: str) -> str:
    return f'sum(increase(ronde_receiver_frames_total{{outcome="{outcome}"}}[$__range]))'


DASHBOARD = board(
    "ronde: receivers",
    "ronde-receivers",
    "Whether panels reach the receivers, and whether each frame is answered.",
    {
        "Are panels answered?": (
            ready("Receivers", "ronde_receiver_ready", "RondeNoReceiver"),
            number(
                "Unanswered",
                "Frames of the time shown that got no answer for a reason on our side; their panels repeat them.",
                f'sum(increase(ronde_receiver_silenced_total{{reason=~"{OWN_REASONS}"}}[$__range]))',
                bad=1,
                runbook="RondeFramesUnanswered",
            ),
            number(
                "Slowest 1 %",
                "From the receipt of a frame until its answer: 99 % are faster. After 3 s a frame gets no answer.",
                quantile(0.99, "ronde_receiver_answer_seconds").replace("$__rate_interval", "$__range"),
                SECONDS,
                warn=0.1,
                bad=1,
                runbook="RondeReceiverSlow",
            ),
            number(
                "Refused",
                "Frames of the time shown that were answered by DUH: a wrong key, or plain text where encryption is required.",
                _frames("REFUSED"),
                bad=1,
                runbook="RondeReceiverRefusing",
            ),
            number(
                "Unknown accounts",
                "Frames of the time shown whose account no transmitter has.",
                _frames("UNKNOWN_ACCOUNT"),
                bad=1,
                runbook="RondeUnknownAccounts",
            ),
            number(
                "Keys that do not open",
                "Transmitters whose key is wrapped under another wrapping key than the receivers'.",
                "max(ronde_receiver_sealed_keys)",
                bad=1,
                runbook="RondeReceiverNotReady",
            ),
        ),
        "Frames": (
            lines(
                "What became of them",
                "Frames with a right checksum; each has exactly one outcome.",
                {"{{outcome}}": "sum by (outcome) (rate(ronde_receiver_frames_total[$__rate_interval]))"},
                PER_SECOND,
                stacked=True,
                runbook="RondeFramesMissing",
            ),
            lines(
                "Time to the answer",
                "From the receipt of a frame until Kafka has its signals and alerts.",
                spread("ronde_receiver_answer_seconds"),
                SECONDS,
                warn=0.1,
                bad=1,
                runbook="RondeReceiverSlow",
            ),
            lines(
                "Without an answer",
                "By reason. TOO_MANY_STRANGE, NOT_DC09, IS_ANSWER: the sender's doing; the others are ours.",
                {"{{reason}}": "sum by (reason) (increase(ronde_receiver_silenced_total[$__rate_interval]))"},
                stacked=True,
                bad=1,
                runbook="RondeFramesUnanswered",
            ),
            lines(
                "No frames",
                "Bytes that are no frame, by reason: a bad line, a scanner.",
                {"{{reason}}": "sum by (reason) (increase(ronde_receiver_flaws_total[$__rate_interval]))"},
                stacked=True,
            ),
            lines(
                "Tolerated",
                "Frames that differ from the standard and are taken all the same, by how.",
                {"{{form}}": "sum by (form) (increase(ronde_receiver_tolerated_total[$__rate_interval]))"},
                stacked=True,
            ),
            lines(
                "Alerts over HTTP",
                "Requests with an alert; UNCONFIRMED ones were answered by 503.",
                {"{{outcome}}": "sum by (outcome) (increase(ronde_receiver_requests_total[$__rate_interval]))"},
                stacked=True,
                runbook="RondeFramesUnanswered",
            ),
        ),
        "Connections": (
            lines(
                "Open",
                "Connections of panels, by receiver and transport.",
                {"{{instance}} {{transport}}": "sum by (instance, transport) (ronde_receiver_sockets)"},
                runbook="RondeFramesMissing",
            ),
            lines(
                "Closed by us",
                "By reason: too many of one address, no DC-09, silent for too long, or a receiver that stops.",
                {"{{reason}}": "sum by (reason) (increase(ronde_receiver_closed_total[$__rate_interval]))"},
                stacked=True,
            ),
            lines(
                "Dropped datagrams",
                "UDP only: too many frames waited for room.",
                "sum(increase(ronde_receiver_datagrams_dropped_total[$__rate_interval]))",
                bad=1,
            ),
        ),
        "Receivers": (
            lines(
                "Age of what is read",
                "Since a receiver last stood at the end of each partition; above 5 s it is not ready.",
                {"{{topic}}": "max by (topic) (ronde_receiver_view_age_seconds)"},
                SECONDS,
                warn=2,
                bad=5,
                runbook="RondeReceiverNotReady",
            ),
            lines(
                "Transmitters",
                "Known to each receiver, and records that do not decode.",
                {
                    "{{instance}}": "max by (instance) (ronde_receiver_transmitters)",
                    "{{instance}} unreadable": "max by (instance) (ronde_receiver_unreadable)",
                },
                runbook="RondeUnknownAccounts",
            ),
            lines(
                "Not read back",
                "Alerts that went out before their signals were read back: the reader of `signals` is slow.",
                "sum(increase(ronde_receiver_not_read_back_total[$__rate_interval]))",
                bad=1,
                runbook="RondeReceiverSlow",
            ),
            lines(
                "Memory",
                "Resident memory of each receiver.",
                {"{{instance}}": f"process_resident_memory_bytes {RECEIVERS}"},
                BYTES,
                runbook="RondeReceiverRestarting",
                width=12,
            ),
            lines(
                "Processor",
                "In cores. A receiver uses one.",
                {"{{instance}}": f"rate(process_cpu_seconds_total[$__rate_interval]) {RECEIVERS}"},
                SHARE,
                warn=0.7,
                bad=0.95,
                width=12,
            ),
        ),
    },
)
