"""Events at their limits, and one past them."""

import pytest

from tests.unit.workers.contract.wire import arrived
from workers.contract.codec import UnreadableMessage
from workers.contract.events import Heartbeat, Hello, SessionTrouble, StreamBroken
from workers.contract.messages import Event


def heartbeat(
    drops: int = 0, cpu_percent: float = 0.0, loop_lag_ms: float = 0.0, busiest_share: float = 0.0
) -> Heartbeat:
    return Heartbeat(
        0, 0, 0, 0, 0, 0, (("queue_full", 1),) * drops, cpu_percent, loop_lag_ms, 0, 0,
        draining=False, busiest_share=busiest_share,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("limit", "past"),
    [
        (Hello(4095, 0, ""), Hello(4096, 0, "")),
        (heartbeat(drops=64), heartbeat(drops=65)),
        (heartbeat(cpu_percent=1e6), heartbeat(cpu_percent=1e6 + 1)),
        (heartbeat(loop_lag_ms=1e9), heartbeat(loop_lag_ms=1e9 + 1)),
        (heartbeat(busiest_share=1.0), heartbeat(busiest_share=1.001)),
        (heartbeat(), heartbeat(cpu_percent=float("nan"))),
        (StreamBroken("c", 400, ""), StreamBroken("c", 399, "")),
        (StreamBroken("c", 599, ""), StreamBroken("c", 600, "")),
        (StreamBroken("c", 400, "r" * 1024), StreamBroken("c", 400, "r" * 1025)),
        (SessionTrouble("s", 0, 0, 0), SessionTrouble("s", 0, -1, 0)),
    ],
)
def test_an_event_at_its_limit_arrives_and_one_past_it_does_not(limit: Event, past: Event) -> None:
    assert arrived(limit) == limit
    with pytest.raises(UnreadableMessage):
        arrived(past)


@pytest.mark.parametrize("drop", [("queue_full",), ("queue_full", 1, 2), (1, "queue_full"), "queue_full"])
def test_a_drop_is_a_cause_and_a_count(drop: object) -> None:
    spoilt = Heartbeat(0, 0, 0, 0, 0, 0, (drop,), 0.0, 0.0, 0, 0, draining=False)  # type: ignore[arg-type]  # a stranger's
    with pytest.raises(UnreadableMessage):
        arrived(spoilt)
