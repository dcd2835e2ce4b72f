"""The escalation: the whole procedure as one pure state machine (procedure.md).

A site's state meets one input at a time: an alert, a call result, a partner's report, an operator's action, a deadline,
a new site record. `step` has a function for each. What the input does to an incident is a row of a table:

    answers.py     the answer to the outstanding call (§4)     operators.py        an operator's action (§5)
    callbacks.py   a call from the customer's side (§5)        partner_reports.py  a partner's report (§6)
    merges.py      a new alert (§5)                            deadlines.py        a deadline that passes (§3)

A row names its rule and acts on an `IncidentUpdate`: a draft of the incident, and the records to write. The tables
share `rounds` (calls) and `dispatching` (partners). Standard library only: no clock, no random number, no input or
output. The caller keeps the time and arms the deadlines of a state.
"""
