"""Decide the log again: pass a partition's inputs through the core at their recorded times, and compare its outputs.

This package reads no topic and no clock: records come in, differences come out. The core is the worker's; what the
worker adds (which record was in force, when, in what order) is taken from its outputs, and checked as far as the log
allows. Each partition is replayed by itself, since a worker writes all results of an input to the input's partition.

**Taken from the log.** The time of each input and each deadline is its decision's ``at``: a deadline's time is never
computed again, only compared with the state that armed it (of an incident's two, the earlier one fires). A decision of
rule ``FAILED`` is repeated as a hand-over, since the failure of the core cannot be repeated. The version of the
procedure is the one named by the decision that opened the incident.

**Order.** ``decisions`` is the order of handling: a worker appends its decisions in the order it makes them, and the
next worker appends after them. Inputs of one chunk share their ``at``, so time does not order them. An input's
decisions (one for each incident it touched) are adjacent and form one step.

Other ends are placed by time, and within the same ``at``:

* A quarantined alert changes nothing, so its place matters only to itself: which incidents were open at that moment?
  One of the places that its time and the offsets of the alerts around it allow must give this record. The replay tries
  each in turn, in the order of the alerts' offsets, and reports a difference if none does.
* An input that became a dead letter had no effect, and has no place.
* A state set aside (a dead letter of ``state``) goes first in its chunk: from there the site has no incident and
  remembers nothing.
* A site record is placed by the decisions that name it (``site_offset``). It affects the state in one way: once a site
  is deleted, its last record stays with its open incidents. So each step gets the record that it names;
  `streams.replay.versions` resolves the name. A decision that names an already replaced record is a difference.

**Steps that cannot be replayed** are reported as unchecked, not as differences: retention has deleted their input, site
record or the beginning of their incident, or their version of the procedure is unknown. The replay resumes the site
when, by its decisions, nothing is open; its earlier memory, up to 24 h, stays unknown, so a repeated alert may be
decided as one. After a decision that differs, the next step continues from the core's result; if that differs too, the
rest is unchecked in the same way.

**Differences**: see `streams.replay.comparison.What`. `streams.verify.conservation` checks that every input has an end;
this package does not.

The parts: `partition` takes the records and follows the decisions, `material` keeps the other records, `site` has the
state of a site, `step` runs the core, `outcome` and `quarantine` compare its results with the log, `versions` has the
site records, `comparison` compares values, and `verdict` collects the result.
"""
