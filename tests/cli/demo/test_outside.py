"""The demonstration's telephony and partners keep the contract."""

from __future__ import annotations

from pathlib import Path

from ronde.demo import partner, stories, telephony
from ronde.demo.agenda import Agenda
from ronde.demo.outside import Unanswered
from tests.cli.demo.virtual import EVERY, START, call, request


class TestTelephony:
    def answering(self, *replies: telephony.Reply) -> telephony.Telephony:
        return telephony.Telephony({"S01": list(replies)})

    def test_a_call_is_answered_once_its_time_has_come(self) -> None:
        phones = self.answering(telephony.Reply("IDENTIFIED", after=0.5))

        assert phones.take(call(), START) == "i-c1.1"

        assert phones.agenda.due(START + 499) == []
        [result] = phones.agenda.due(START + 500)
        assert (result["outcome"], result["command_id"], result["ended_at"]) == ("IDENTIFIED", "i-c1.1", START + 500)
        assert phones.agenda.due(START + 60_000) == []

    def test_a_command_read_twice_is_answered_once(self) -> None:
        phones = self.answering(telephony.Reply("IDENTIFIED"))

        phones.take(call(), START)
        assert phones.take(call(), START + 10) is None

        assert len(phones.agenda.due(START + 60_000)) == 1

    def test_a_call_cancelled_before_its_answer_gives_none(self) -> None:
        phones = self.answering(telephony.Reply("IDENTIFIED", after=0.5))

        phones.take(call(), START)
        phones.take(call("i-c1.1-cancel", action="CANCEL"), START + 400)

        assert phones.agenda.due(START + 60_000) == []

    def test_a_call_cancelled_after_its_answer_takes_nothing_back(self) -> None:
        phones = self.answering(telephony.Reply("IDENTIFIED", after=0.5))

        phones.take(call(), START)
        assert len(phones.agenda.due(START + 500)) == 1
        phones.take(call("i-c1.1-cancel", action="CANCEL"), START + 600)

        assert phones.agenda.due(START + 60_000) == []

    def test_a_call_is_not_placed_after_it_expired(self) -> None:
        phones = self.answering(telephony.Reply("IDENTIFIED"))

        assert phones.take(call(), START + 5_001) is None

        assert phones.agenda.due(START + 60_000) == []

    def test_a_message_is_left_and_heard(self) -> None:
        phones = self.answering(telephony.Reply("NO_ANSWER", "UNKNOWN", after=0.5, calls_back=3.0))

        phones.take(call(), START)

        missed, callback = phones.agenda.due(START + 60_000)
        assert (missed["outcome"], missed["message_left"]) == ("NO_ANSWER", True)
        assert (callback["direction"], callback["command_id"], callback["incident_id"]) == ("INBOUND", None, "i")
        assert callback["ended_at"] == START + 3_500

    def test_a_restart_says_the_same_under_the_same_ids(self) -> None:
        reply = telephony.Reply("NO_ANSWER", "UNKNOWN", calls_back=1.0)
        before, after = self.answering(reply), self.answering(reply)

        before.take(call(), START)
        after.take(call(), START + 700)

        ids = [[said["result_id"] for said in phones.agenda.due(START + 60_000)] for phones in (before, after)]
        assert ids[0] == ids[1]
        assert len(set(ids[0])) == 2

    def test_the_script_goes_through_its_file(self, tmp_path: Path) -> None:
        script = stories.telephony_script(EVERY)
        path = tmp_path / "telephony.json"

        path.write_text(stories.as_json(script), encoding="utf-8")

        assert telephony.read_script(path) == script


class TestPartner:
    def of_site(self, *reports: partner.ScriptedReport) -> partner.Partner:
        return partner.Partner({"S01": {"garde-alpes": list(reports)}})

    def statuses(self, guards: partner.Partner) -> list[str]:
        return [report["status"] for report in guards.agenda.due(START + 600_000)]

    def test_a_guard_is_reported_step_by_step(self) -> None:
        guards = self.of_site(
            partner.ScriptedReport("ACCEPTED", 1), partner.ScriptedReport("CLOSED", 2, "NOTHING_FOUND")
        )

        assert guards.take(request(), START) == "i-d1"

        [accepted] = guards.agenda.due(START + 1_000)
        assert (accepted["status"], accepted["dispatch_id"]) == ("ACCEPTED", "i-d1")
        [closed] = guards.agenda.due(START + 2_000)
        assert (closed["status"], closed["disposition"]) == ("CLOSED", "NOTHING_FOUND")

    def test_a_second_request_of_a_dispatch_sends_no_second_guard(self) -> None:
        guards = self.of_site(partner.ScriptedReport("ACCEPTED", 1))

        guards.take(request(), START)
        guards.take(request(), START + 10)
        guards.take(request("i-d1-r2"), START + 20)

        assert self.statuses(guards) == ["ACCEPTED"]

    def test_a_cancel_turns_the_guard_back(self) -> None:
        guards = self.of_site(partner.ScriptedReport("ACCEPTED", 1), partner.ScriptedReport("ON_SITE", 9))

        guards.take(request(), START)
        assert len(guards.agenda.due(START + 1_000)) == 1
        guards.take(request("i-d1-cancel", action="CANCEL", respond_by=None), START + 2_000)

        assert self.statuses(guards) == ["CLOSED"]

    def test_a_request_read_too_late_goes_unanswered(self) -> None:
        guards = self.of_site(partner.ScriptedReport("ACCEPTED", 1))

        assert guards.take(request(), START + 3_001) is None

        assert self.statuses(guards) == []

    def test_a_partner_without_a_script_is_silent(self) -> None:
        guards = self.of_site()

        guards.take(request(), START)
        guards.take(request("i-d1-cancel", action="CANCEL", respond_by=None), START)

        assert self.statuses(guards) == []

    def test_the_script_goes_through_its_file(self, tmp_path: Path) -> None:
        script = stories.partner_script(EVERY)
        path = tmp_path / "partner.json"

        path.write_text(stories.as_json(script), encoding="utf-8")

        assert partner.read_script(path) == script


class TestCommittedOffset:
    """A restart must read every command again that is not answered yet, and no more than that."""

    def test_it_waits_for_the_oldest_unanswered_command(self) -> None:
        unanswered = Unanswered()
        unanswered.read(0, 7, "a")
        unanswered.read(0, 8, None)
        unanswered.read(0, 9, "b")

        assert unanswered.moved({"a", "b"}) == {0: 7}
        assert unanswered.moved({"a"}) == {}
        assert unanswered.moved(set()) == {0: 10}
        assert unanswered.moved(set()) == {}

    def test_partitions_move_apart(self) -> None:
        unanswered = Unanswered()
        unanswered.read(0, 1, "a")
        unanswered.read(3, 5, None)

        assert unanswered.moved({"a"}) == {0: 1, 3: 6}


def test_answers_of_one_instant_keep_their_order() -> None:
    agenda = Agenda()
    for number in range(5):
        agenda.plan(START, "a", {"number": number})

    assert [answer["number"] for answer in agenda.due(START)] == [0, 1, 2, 3, 4]
    assert agenda.next_at() is None
