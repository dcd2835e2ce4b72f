"""The escalation: the whole procedure as one pure state machine (procedure.md).

A site's state meets one thing at a time: an alert, a result, a report, an action, a deadline, a new record of
itself. `step` has a door for each. What the thing does to an incident is a row of a table:

    answers.py     the answer to the outstanding call (§4)        reports.py     a partner's report (§6)
    merges.py      a new alert (§5)                               operators.py   an operator's action (§5)
    callbacks.py   a call from the customer's side (§5)           deadlines.py   what falls due (§3)

A row names its rule and acts on an `IncidentUpdate`: a draft of the incident and the records it gives. `rounds` has
what is done with calls, `dispatching` what is done with partners. Standard library only: no clock, no random
number, no input or output; the edge keeps time and arms the deadlines that a state states.
"""
