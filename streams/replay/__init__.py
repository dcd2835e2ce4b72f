"""The log decided again: the inputs of a partition through the core, at their recorded times, against its outputs.

Nothing is read here and no clock is looked at: records come in, differences come out. The same core decides as in
the worker; what the worker adds (which record was in force, when, in what order) is taken from what it wrote, and
checked as far as the log can tell. A partition is replayed by itself, since a worker writes all that comes of an input
to the partition it lies in.

**What is taken from the log.** The time of each input and each deadline is its decision's ``at``: a deadline's time is
never computed again, only compared with the state that armed it (of an incident's two, the earlier one fires). A
decision of rule ``FAILED`` was made by handing over; that the core failed at the time cannot be repeated. The version
of the procedure is the one named by the decision that opened the incident.

**The order.** ``decisions`` is the order of handling: a worker appends what it decides in the order it decides it, and
the worker after it appends behind. Inputs of one chunk share their ``at``, so time orders nothing there. An input's
decisions (one for each incident it touched) lie next to each other and are one step.

What ended otherwise has its place by time, and within the same ``at``:

* A quarantined alert changes nothing, so where it stands matters to itself alone: what was open just then? Of the
  places that its time and the offsets of the alerts around it leave, one must give this record. It is tried at each
  in turn, in the order of the alerts' offsets, and differs if none does.
* An input that became a dead letter did nothing, and has no place.
* A state set aside (a dead letter of ``state``) goes first in its chunk: from there the site has no incident and
  remembers nothing.
* A site record stands where the decisions name it (``site_offset``). To the state it does one thing: once deleted,
  the site's last record stays with its open incidents. So the record named is given to the core for each step; what
  may stand behind the name is `streams.replay.versions`. That a decision names one which was replaced before is a
  difference.

**What cannot be replayed** is reported as unchecked, not as a difference: steps whose input, site record or incident's
beginning has been deleted from the log by its retention, or whose version of the procedure is not known. The site is
taken up again when, by its decisions, nothing is open; what it remembered before, up to 24 h, stays unknown, so a
repeated alert may be decided as one. After a decision that differs, the next one is tried with what the core made of
it; when that differs too, the rest is unchecked in the same way.

**What it finds**: see `streams.replay.comparison.What`. That every input has an end is not seen here, but in
`streams.verify.conservation`.

The parts: `partition` takes the records and follows the decisions, `material` keeps the rest at hand, `site` has what
is known of a site, `step` runs the core, `outcome` and `quarantine` hold what comes of it against the log, `versions`
knows the site records, `comparison` compares, and `verdict` is what is said in the end.
"""

from streams.replay.comparison import Difference
from streams.replay.partition import PartitionReplay
from streams.replay.step import KnownProcedures
from streams.replay.verdict import Unchecked, Verdict

__all__ = ["Difference", "KnownProcedures", "PartitionReplay", "Unchecked", "Verdict"]
