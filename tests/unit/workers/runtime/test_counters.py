"""Counters of a worker: each cause for itself, and all of them in a heartbeat."""

from tests.unit.workers.contract.wire import arrived
from workers.contract.events import Heartbeat
from workers.runtime.counters import Counters, Drop


def test_every_cause_is_there_from_the_start_and_counted_for_itself() -> None:
    counters = Counters()
    assert counters.drops == dict.fromkeys(Drop, 0)
    counters.drop(Drop.NOT_RTP)
    counters.drop(Drop.NOT_RTP, 4)
    counters.drop(Drop.QUEUE_FULL, 0)
    assert {cause: count for cause, count in counters.drops.items() if count} == {Drop.NOT_RTP: 5}


def test_a_heartbeat_takes_every_cause_that_there_is() -> None:
    drops = tuple((each.value, 2**63 - 1) for each in Drop)
    heartbeat = Heartbeat(0, 0, 0, 0, 0, 0, drops, 0.0, 0.0, 0, 0, draining=False)
    assert arrived(heartbeat) == heartbeat
