"""Many faults in a row, by chance, on a router under load: seeded, so that any run can be made again.

`TRUNKLINE_TESTS_SEED` sets the seed, `TRUNKLINE_TESTS_FAULTS` the faults to choose from, by their names and commas.
The long run is `pytest -m long tests/faults/test_random_faults.py`.
"""

import os
import random

import pytest

from tests.conftest import Figure
from tests.support.faults import FAULTS
from tests.support.invariants import Invariants
from tests.support.ordeal import PATH, SETTINGS, Ordeal
from tests.support.router import StartRouter, can_become_nobody
from tests.support.swarm import Swarm


def ordeal(
    start_router: StartRouter, figure: Figure, faults: int, default_seed: int, *, unprivileged: bool = False
) -> None:
    """Let a router suffer `faults` faults."""
    seed = int(os.environ.get("TRUNKLINE_TESTS_SEED", default_seed))
    names = os.environ.get("TRUNKLINE_TESTS_FAULTS", ",".join(FAULTS)).split(",")
    print(f"TRUNKLINE_TESTS_SEED={seed}")
    figure("seed", seed)
    chance = random.Random(seed)
    router = start_router(workers=3, one_port=True, settings=SETTINGS, unprivileged=unprivileged)
    invariants = Invariants(router)
    done: list[str] = []
    with Swarm(router, path=PATH, mounts=12, readers=4, packets_per_s=50, burst=5) as swarm:
        suffering = Ordeal(router, swarm, invariants, chance)
        for number in range(faults):
            name = chance.choice(names)
            done.append(name)
            print(f"{number} {name}", flush=True)
            try:
                suffering.suffer(name, FAULTS[name])
            except BaseException as error:
                error.add_note(router.log_tail(2000))
                error.add_note(f"TRUNKLINE_TESTS_SEED={seed}, fault {number}; until then: {', '.join(done)}")
                raise
        swarm.stop()
    invariants.check(set())
    for name, value in sorted(suffering.figures.items()):
        figure(name, value)


@pytest.mark.timeout(300)
def test_20_random_faults(start_router: StartRouter, figure: Figure) -> None:
    ordeal(start_router, figure, 20, default_seed=1)


@pytest.mark.timeout(300)
@pytest.mark.skipif(not can_become_nobody(), reason="nobody can't run it here, or the tests run as such a user already")
def test_20_random_faults_without_privileges(start_router: StartRouter, figure: Figure) -> None:
    ordeal(start_router, figure, 20, default_seed=2, unprivileged=True)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_100_random_faults(start_router: StartRouter, figure: Figure) -> None:
    ordeal(start_router, figure, 100, default_seed=random.randrange(1_000_000))
