"""`ronde worker`: the stream-processing pipeline, until SIGTERM."""

from __future__ import annotations

from ronde.shared.errors import Failed
from ronde.shared.settings import SettingsOption, in_force, require_transactions
from streams.kafka.admin import BrokerError, remedy
from streams.runtime.errors import WorkerError
from streams.worker.app import run


def worker(settings: SettingsOption = None) -> None:
    """Decide alerts: read the inputs, run the procedures, write commands and decisions. Ends on SIGTERM or Ctrl-C.

    A broker that is away is waited for. Exit 1 when it refuses what a worker does, when the topics are not the
    contract's, or when it cannot go on; start it again then.
    """
    effective = in_force(settings)
    require_transactions(effective)
    try:
        run(effective)
    except BrokerError as error:
        raise Failed(str(error)) from None
    except WorkerError as error:
        reason = str(error)
        if "authorization failed" in reason:  # access that could not be checked before: to transactional ids
            reason = f"{reason.rstrip('.')}: {remedy('worker')}"
        raise Failed(reason) from None
    except Exception as error:
        raise Failed(f"the worker ended ({type(error).__name__}): its log says where. Start it again") from error
