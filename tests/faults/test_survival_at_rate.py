"""50 mounts with 4 readers each, over UDP and TCP, 20,000 packets/s delivered, and each fault once: what it costs."""

import random

import pytest

from tests.conftest import Figure
from tests.support.faults import FAULTS
from tests.support.invariants import Invariants
from tests.support.ordeal import PATH, SETTINGS, Ordeal
from tests.support.router import StartRouter
from tests.support.swarm import Swarm

ONE_OF_EACH = ("kill front", "move mount", "drain worker", "kill worker", "restart workers", "restart front", "upgrade")


@pytest.mark.timeout(300)
def test_each_fault_at_20000_packets_a_second(start_router: StartRouter, figure: Figure) -> None:
    router = start_router(workers=2, one_port=True, settings=SETTINGS)
    invariants = Invariants(router)
    with Swarm(router, path=PATH, mounts=50, readers=4, packets_per_s=100, burst=5) as swarm:
        ordeal = Ordeal(router, swarm, invariants, random.Random(1))
        for name in ONE_OF_EACH:
            ordeal.suffer(name, FAULTS[name])
        assert swarm.stop().dropped_by_swarm == 0
    invariants.check(set())
    for name, value in sorted(ordeal.figures.items()):
        figure(name, value)
