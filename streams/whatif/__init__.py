"""Decide the log again under another procedure: what would have ended otherwise (`ronde whatif`; docs/evidence.md).

This package reads no clock. Records of one partition come in, a `Comparison` comes out. Each site is played by
itself through the worker's core, in the time of the log.

**Kept from the log, at their times**: alerts, callbacks, operators' actions, site records.

**Kept with their delay** (`streams.whatif.reactions`): the answer to a call, after the call of the same contact in the
same round; a partner's report, after the first request of its dispatch, or after the cancel that it follows. A call
that timed out is not answered under another time-out either; where an answer came late, it comes with its delay.

**Deadlines** fire when they are due, but one that the log has, of the same incident for the same instant, fires when
it did. One that an input overtook, as those that waited for a worker may, does not fire before that input. So a
procedure that changes nothing gives the log again, decision by decision.

**Undetermined** is an incident as soon as it depends on what the log does not have: the answer to a call that was never
placed or was withdrawn before, a partner who was never asked, a partner's answer to a cancel that it never got, an
operator's reaction to a hand-over that never was, or that comes later. It is taken out there, and bounded both
ways: a guard who was asked by then stays asked, otherwise none or one. An incident of the same procedure that opens at
the site within a day may have been part of it, and is undetermined too.

**Not judged** is an incident of which the log lacks the beginning, an input, a command or the site record, whose
version of the procedure is not known, or which this release does not decide as recorded: each site whose decisions
change is played under its recorded procedure first.

The parts: `partition` takes records, `recorded` orders those of a site, `reactions` has answers and reports by the
commands that they answer, `play` runs the core, `scheduled` is what waits there, `comparison` sums up, `history` reads
the topics, `change` is the other procedure.
"""
