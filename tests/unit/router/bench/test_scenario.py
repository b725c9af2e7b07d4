"""Scenarios as they are written on the command line, and the order in which they are measured."""

from itertools import groupby

import pytest

from router.bench.matrix import steps
from router.bench.scenario import FULL, QUICK, SCALE, Scenario, parse
from router.bench.shape import ShapeError

LIKE = Scenario(packet_bytes=900, churn_per_s=5)


@pytest.mark.parametrize(
    ("text", "scenario"),
    [
        ("1x100", Scenario(1, 100, packet_bytes=900, churn_per_s=5)),
        ("50x2:tcp", Scenario(50, 2, "tcp", packet_bytes=900, churn_per_s=5)),
        ("200x2:udp:300", Scenario(200, 2, "udp", 300.0, packet_bytes=900, churn_per_s=5)),
        ("1x10:udp:62.5:40", Scenario(1, 10, "udp", 62.5, 40, packet_bytes=900, churn_per_s=5)),
    ],
)
def test_a_scenario_is_read(text: str, scenario: Scenario) -> None:
    assert parse(text, LIKE) == scenario


@pytest.mark.parametrize("text", ["", "1", "x1", "1x", "0x1", "1x0", "1x1:sctp", "1x1:udp:", "1x1:udp:1:1:1", "-1x1"])
def test_what_is_no_scenario_is_refused(text: str) -> None:
    with pytest.raises(ShapeError):
        parse(text, LIKE)


@pytest.mark.parametrize("text", [*QUICK, *FULL, *SCALE])
def test_the_built_in_ones_can_be_sent(text: str) -> None:
    assert parse(text, Scenario()).shape().packets_per_s > 0


def test_the_full_table_has_the_rates_that_it_is_compared_at() -> None:
    found = {(each.mounts, each.readers, each.transport): each for each in (parse(text, Scenario()) for text in FULL)}
    assert {key: each.packets_per_s for key, each in found.items()} == {
        (1, 1, "udp"): 1000, (1, 10, "udp"): 1000, (1, 100, "udp"): 1000, (50, 2, "udp"): 200, (200, 2, "udp"): 300,
        (300, 1, "udp"): 100, (1, 100, "tcp"): 1000, (50, 2, "tcp"): 200,
    }  # fmt: skip
    assert {(each.packet_bytes, each.burst) for each in found.values()} == {(1200, 10)}


def test_servers_take_turns_and_nobody_always_begins() -> None:
    scenarios = [Scenario(readers=count) for count in (1, 2, 3)]
    todo = steps(scenarios, ["trunkline", "floor", "sendto"], 9, seed=1)
    assert len(set(todo)) == len(todo) == 3 * 3 * 9
    turns = [list(group) for _, group in groupby(todo, key=lambda each: (each.scenario, each.repeat))]
    assert {len(turn) for turn in turns} == {3}
    assert {turn[0].target for turn in turns} == {"trunkline", "floor", "sendto"}
    assert todo == steps(scenarios, ["trunkline", "floor", "sendto"], 9, seed=1)
    assert todo != steps(scenarios, ["trunkline", "floor", "sendto"], 9, seed=2)
