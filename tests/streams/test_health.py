"""What keeps a worker from being ready, and what makes it unhealthy."""

from service.readiness import ProcessReadiness, Stalls


def test_ready_once_nothing_is_waited_for() -> None:
    readiness = ProcessReadiness(start="the worker starts")
    readiness.wait("restore", "restoring partitions [0]")
    readiness.arrive("start")
    assert readiness.reasons == {"restore": "restoring partitions [0]"}
    readiness.arrive("restore")
    readiness.arrive("restore")
    assert readiness.reasons == {}


def test_work_that_does_not_move_stands_still_after_the_limit() -> None:
    stalls = Stalls(10)
    stalls.note({"input alerts, partition 0": 7}, now=100)
    stalls.note({"input alerts, partition 0": 7}, now=109)
    assert stalls.standing(109) == {}
    assert stalls.standing(110) == {"input alerts, partition 0": 10}


def test_work_that_moves_does_not_stand_still_however_much_is_left() -> None:
    stalls = Stalls(10)
    for second in range(100):
        stalls.note({"input alerts, partition 0": second}, now=second)
        assert stalls.standing(second) == {}


def test_work_that_is_done_or_another_workers_is_forgotten() -> None:
    stalls = Stalls(10)
    stalls.note({"a chunk in flight": 1, "input alerts, partition 0": 7}, now=0)
    stalls.note({"a chunk in flight": 1}, now=9)
    assert stalls.standing(20) == {"a chunk in flight": 20}
    stalls.note({"a chunk in flight": 1, "input alerts, partition 0": 7}, now=21)
    assert set(stalls.standing(25)) == {"a chunk in flight"}
