"""What stands in the list of work, by what the engine, other desks and diallers have written."""

from __future__ import annotations

from edges.desk import rules
from edges.desk.answers import item_json
from edges.desk.work import Item, urgency
from tests.edges.desk.scene import T0, Desk, Scene, handed_over, opened, read, write


def test_a_call_is_an_item() -> None:
    scene, incident = opened()
    (item,) = Desk(scene.records, at=11).items()
    assert item.subject == f"{incident}-c1.1"
    assert (item.item, item.incident_id, item.site_id, item.urgency) == ("CALL", incident, "S1", 3)
    assert (item.contact_name, item.phone, item.language) == ("Ann Martin", "+33639980001", "fr")
    assert (item.round, item.position, item.alert_kinds, item.covert) == (1, 1, ("INTRUSION",), False)
    assert (item.since, item.expires_at, item.version) == (T0 + 10_000, T0 + 130_000, 1)
    assert (item.holder, item.seen, item.reason, item.repeat) == (None, None, None, None)


def test_a_command_of_a_newer_engine_is_no_item() -> None:
    scene, incident = opened()
    place, data = next(record for record in scene.records if record[0].topic == "calls")
    newer = read("calls")(data)._replace(command_id=f"{incident}-c1.2", action="UNKNOWN", position=2)
    desk = Desk([*scene.records, (place._replace(offset=99), write("calls")(newer))], at=11)
    assert [item_json(item) for item in desk.items()]
    assert desk.subjects() == [f"{incident}-c1.1"]


def test_a_call_goes_when_it_is_answered_and_the_next_comes() -> None:
    scene, incident = opened()
    scene.result(20, f"{incident}-c1.1", "NO_ANSWER")
    assert Desk(scene.records, at=21).subjects() == [f"{incident}-c1.2"]
    scene.result(30, f"{incident}-c1.2", "IDENTIFIED", "NORMAL")
    desk = Desk(scene.records, at=31)
    assert desk.subjects() == []
    assert desk.state.incidents[incident].phase == "CLOSED"


def test_a_call_goes_when_it_is_withdrawn() -> None:
    scene, _ = opened()
    scene.result(20, None, "IDENTIFIED", "NORMAL", direction="INBOUND")
    assert scene.values("calls")[-1].action == "CANCEL"
    calls = [record for record in scene.records if record[0].topic == "calls"]
    assert Desk(calls, at=21).subjects() == []


def test_a_call_goes_when_it_expires_even_before_the_engine_says_so() -> None:
    scene, _ = opened()
    desk = Desk(scene.records, at=129.9)
    assert len(desk.items()) == 1
    desk.update(130)
    assert desk.items() == []
    assert desk.heard[-1] == ("gone", f"{scene.incident_id}-c1.1")


def test_a_call_goes_when_the_engines_clock_is_ahead_and_says_so() -> None:
    scene, incident = opened()
    scene.until(300)  # ann, then the next
    calls = list(scene.values("calls"))
    desk = Desk(scene.records, at=11)
    assert len(calls) == 2
    assert desk.subjects() == []
    known = desk.state.incidents[incident]
    assert known.expired == {call.command_id for call in calls}
    assert all(rules.is_late(known, call, "R1", T0 + 11_000) for call in calls)


def test_whoever_is_in_the_call_keeps_it_until_they_have_answered() -> None:
    scene, incident = opened()
    call = f"{incident}-c1.1"
    scene.claim(100, "TAKE", call, "zoe", 60)
    scene.result(110, call, "NO_ANSWER", operator="dialler")
    assert call in Desk(scene.records, at=140).subjects()
    assert call not in Desk(scene.records, at=161).subjects()
    scene.result(141, call, "IDENTIFIED", "NORMAL", operator="zoe")
    assert call not in Desk(scene.records, at=142).subjects()


def test_who_takes_a_call_first_holds_it_for_its_seconds() -> None:
    scene, incident = opened()
    call = f"{incident}-c1.1"
    scene.claim(20, "TAKE", call, "ann", 60)
    scene.claim(21, "TAKE", call, "bob", 60)
    desk = Desk(scene.records, at=22)
    holder = desk.items()[0].holder
    assert holder is not None
    assert (holder.by, holder.since, holder.until) == ("ann", T0 + 20_000, T0 + 80_000)
    desk.update(80)
    assert desk.items()[0].holder is None


def test_the_worst_alert_or_the_reason_says_how_urgent_it_is() -> None:
    assert urgency(("INTRUSION", "HOLD_UP"), is_call=True) == 1
    assert urgency((), "CALL_FOR_HELP", is_call=False) == 1
    assert urgency(("INTRUSION",), "DURESS", is_call=False) == 1
    assert urgency((), "FAILED", is_call=False) == 1
    assert urgency(("FIRE",), is_call=True) == 2
    assert urgency(("INTRUSION", "TAMPER"), is_call=True) == 3
    assert urgency(("TAMPER",), is_call=True) == 4
    assert urgency(("TAMPER",), "PARTNER_LATE", is_call=False) == 3
    assert urgency((), "NO_PARTNER", is_call=False) == 3


def test_the_most_urgent_first_then_the_oldest() -> None:
    scene = Scene()
    for site in ("S1", "S2", "S3", "S4"):
        scene.site(site)
    scene.alert(1, "TAMPER", "A1", "S1")
    scene.alert(2, "INTRUSION", "A2", "S2")
    scene.alert(3, "FIRE", "A3", "S3")
    scene.alert(4, "INTRUSION", "A4", "S4")
    desk = Desk(scene.records, at=5)
    assert [item.site_id for item in desk.items()] == ["S3", "S2", "S4", "S1"]


def test_an_attention_goes_when_seen_but_handed_over_stays_until_it_moves() -> None:
    scene, incident = handed_over()
    (item,) = Desk(scene.records, at=21).items()
    assert (item.subject, item.item, item.reason, item.repeat) == (f"{incident}-t1", "ATTENTION", "NO_PARTNER", 0)
    scene.event(30, "ATTENTION_SEEN", f"{incident}-t1", incident_id=incident, operator="zoe")
    (item,) = Desk(scene.records, at=31).items()
    assert item.seen is not None
    assert (item.seen.by, item.seen.at) == ("zoe", T0 + 30_000)
    scene.until(20 + 1800)
    (item,) = Desk(scene.records, at=20 + 1801).items()
    assert (item.subject, item.repeat, item.seen) == (f"{incident}-t2", 1, None)
    scene.action(2000, "CLOSE", incident)
    desk = Desk(scene.records, at=2001)
    assert desk.subjects() == [f"{incident}-t2"]  # nobody has seen it
    scene.event(2010, "ATTENTION_SEEN", f"{incident}-t2", incident_id=incident)
    assert Desk(scene.records, at=2011).items() == []


def test_a_call_for_help_without_an_incident() -> None:
    scene = Scene()
    scene.site()
    scene.result(10, None, "DURESS_CODE", direction="INBOUND")
    (item,) = Desk(scene.records, at=11).items()
    assert (item.urgency, item.reason, item.incident_id, item.covert) == (1, "CALL_FOR_HELP", None, True)
    scene.event(12, "ATTENTION_SEEN", item.subject)
    assert Desk(scene.records, at=13).items() == []


def test_duress_makes_what_follows_covert_and_needs_a_supervisor() -> None:
    scene, incident = opened()
    scene.result(20, f"{incident}-c1.1", "DURESS_CODE")
    desk = Desk(scene.records, at=21)
    (item,) = desk.items()
    assert (item.reason, item.urgency, item.covert) == ("DURESS", 1, True)
    assert desk.state.incidents[incident].needs_supervisor
    scene.event(40, "UNDELIVERED", f"{incident}-d1-r1", incident_id=incident)
    undelivered = Desk(scene.records, at=41).items()[1]
    assert (undelivered.subject, undelivered.reason, undelivered.urgency) == (f"{incident}-d1-r1", "UNDELIVERED", 1)
    scene.event(42, "ATTENTION_SEEN", f"{incident}-d1-r1", incident_id=incident)
    assert len(Desk(scene.records, at=43).items()) == 1


def test_a_command_that_was_not_delivered_follows_its_incident() -> None:
    scene, incident = opened()
    scene.event(15, "UNDELIVERED", f"{incident}-d1-cancel", None, incident)
    desk = Desk(scene.records, at=16)
    seen_so_far = len(scene.records)

    def undelivered() -> tuple[int, bool, tuple[str, ...], int | None]:
        (item,) = [item for item in desk.items() if item.reason == "UNDELIVERED"]
        return item.urgency, item.covert, item.alert_kinds, item.version

    assert undelivered() == (3, False, ("INTRUSION",), 1)
    scene.alert(20, "FIRE", "A2")
    scene.result(30, f"{incident}-c1.1", "DURESS_CODE")
    desk.read(scene.records[seen_so_far:])
    desk.update(31)
    version = desk.state.incidents[incident].version
    assert version > 1
    assert undelivered() == (1, True, desk.state.incidents[incident].kinds, version)


def test_a_covert_command_that_was_not_delivered_stays_urgent_once_its_incident_is_forgotten() -> None:
    scene, incident = opened()
    scene.result(20, f"{incident}-c1.1", "DURESS_CODE")
    command = f"{incident}-d1-r1"
    scene.event(40, "UNDELIVERED", command, incident_id=incident)
    scene.action(50, "CLOSE", incident)
    for at in (60, 86_400 + 60):
        scene.site(f"S{at}")
        scene.alert(at, "TAMPER", f"A{at}", f"S{at}")
        scene.action(at + 1, "CLOSE", scene.incident_id, f"O{at}", f"S{at}")
    scene.claim(86_400 + 70, "TAKE", command)
    desk = Desk(scene.records, at=86_400 + 71)
    assert incident not in desk.state.incidents

    def item() -> Item:
        (found,) = [item for item in desk.items() if item.reason == "UNDELIVERED"]
        return found

    assert (item().urgency, item().covert, item().alert_kinds, item().site_id) == (1, True, ("INTRUSION",), "S1")
    assert item().holder is not None
    read_so_far = len(scene.records)
    scene.event(86_400 + 80, "NOTE", None, incident_id=incident)  # of an incident without a name, by now
    scene.claim(86_400 + 81, "RELEASE", command)
    desk.read(scene.records[read_so_far:])
    desk.update(86_400 + 82)
    assert (item().urgency, item().covert, item().alert_kinds) == (1, True, ("INTRUSION",))


def test_alarms_of_an_unknown_account() -> None:
    scene = Scene()
    scene.signal(1, "AB12", "UNKNOWN_ACCOUNT", None, None)  # a test signal
    first = scene.signal(2, "AB12", "UNKNOWN_ACCOUNT", "INTRUSION", None)
    scene.signal(3, "AB12", "UNKNOWN_ACCOUNT", "TAMPER", None)
    (item,) = Desk(scene.records, at=4).items()
    assert (item.subject, item.site_id, item.urgency) == (first, "account:AB12", 2)
    assert (item.reason, item.repeat, item.alert_kinds) == ("UNKNOWN_ACCOUNT", 1, ("INTRUSION", "TAMPER"))
    scene.event(5, "ATTENTION_SEEN", first, site_id="account:AB12")
    assert Desk(scene.records, at=6).items() == []
    scene.signal(7, "AB12", "UNKNOWN_ACCOUNT", "TAMPER", None)
    assert len(Desk(scene.records, at=8).items()) == 1


def test_the_next_piece_of_work() -> None:
    scene = Scene()
    for site in ("S1", "S2"):
        scene.site(site)
    scene.alert(1, "FIRE", "A1", "S1")
    fire = scene.incident_id
    scene.alert(2, "INTRUSION", "A2", "S1")
    scene.alert(3, "TAMPER", "A3", "S2")
    tamper = scene.incident_id
    desk = Desk(scene.records, at=4)
    first = desk.work.next_for("ann")
    assert first is not None
    assert first.incident_id == fire
    scene.claim(5, "TAKE", f"{fire}-c1.1", "ann")
    desk = Desk(scene.records, at=6)
    own, other = desk.work.next_for("ann"), desk.work.next_for("bob")
    assert own is not None
    assert own.incident_id == fire  # what she holds
    assert other is not None
    assert other.incident_id == tamper  # not the home that ann talks to
    scene.claim(7, "TAKE", f"{tamper}-c1.1", "bob", site_id="S2")
    assert Desk(scene.records, at=8).work.next_for("cleo") is None


def test_a_deadline_that_nobody_handled_shows() -> None:
    scene, incident = opened()
    desk = Desk(scene.records, at=174)
    assert desk.work.forgotten == set()
    desk.update(175)
    assert desk.work.forgotten == {incident}
    scene.until(130)
    desk.read(scene.records)
    desk.update(176)
    assert desk.work.forgotten == set()
