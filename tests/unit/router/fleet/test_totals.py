"""The totals of one index never fall, whichever workers it has, and whichever front counts."""

import json
from dataclasses import replace

from router.fleet.totals import WorkerTotals
from workers.contract.events import Heartbeat

BEAT = Heartbeat(1, 2, 3, 4, 5, 6, (("queue_full", 7), ("not_rtp", 0)), 0.0, 0.0, 8, 9, draining=False)
COUNTS = {"packets_in": 3, "packets_out": 4, "bytes_in": 5, "bytes_out": 6}
DROPS = {"queue_full": 7, "not_rtp": 0}


def test_one_worker_counts_for_itself() -> None:
    totals = WorkerTotals()
    totals.take("a", BEAT)
    totals.take("a", replace(BEAT, packets_in=30))
    assert totals.values() == (COUNTS | {"packets_in": 30}, DROPS)


def test_the_next_worker_adds_to_what_the_dead_one_had() -> None:
    totals = WorkerTotals()
    totals.take("a", BEAT)
    totals.take("b", BEAT)
    assert totals.values() == ({name: 2 * count for name, count in COUNTS.items()}, {"queue_full": 14, "not_rtp": 0})


def test_before_anything_is_told_there_is_nothing() -> None:
    assert WorkerTotals().values() == (dict.fromkeys(COUNTS, 0), {})


def test_the_next_front_goes_on_with_the_same_worker_or_another() -> None:
    totals = WorkerTotals()
    totals.take("a", BEAT)
    totals.take("b", BEAT)
    for incarnation, times in (("b", 2), ("c", 3)):
        later = WorkerTotals()
        later.from_json(json.loads(json.dumps(totals.to_json())))
        assert later.values() == totals.values()
        later.take(incarnation, BEAT)
        assert later.values()[0]["packets_in"] == times * 3
