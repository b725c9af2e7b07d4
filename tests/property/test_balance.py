"""Whatever the loads and the noise in what is measured: moves come to an end, and none is undone."""

import random

from hypothesis import given
from hypothesis import strategies as st

from router.fleet.balance import MountLoad, best_move

NOISE = 0.1
"""By which part measured loads differ from the true ones, each time anew."""


@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(0.1, 40.0)), min_size=1, max_size=40),
    st.floats(20.0, 50.0),
    st.randoms(use_true_random=False),
)
def test_moves_end_and_none_is_undone(carried: list[tuple[int, float]], threshold: float, noise: random.Random) -> None:
    workers = [worker for worker, _ in carried]
    moved: list[int] = []
    for _ in range(len(carried) + 1):
        loads = dict.fromkeys(range(4), 0.0)
        measured = []
        # At rest for ever: so much the harder for those that were not moved yet.
        for index, (_, points) in enumerate(carried):
            seen = points * noise.uniform(1 - NOISE, 1 + NOISE)
            loads[workers[index]] += seen
            measured.append(MountLoad(str(index), workers[index], seen, rests=index in moved))
        move = best_move(loads, measured, threshold)
        if move is None:
            return
        assert loads[move.source] - loads[move.target] > threshold
        assert abs(move.after[0] - move.after[1]) < move.before[0] - move.before[1]
        moved.append(int(move.path))
        workers[int(move.path)] = move.target
    raise AssertionError("moves without an end")


@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(0.1, 40.0)), min_size=1, max_size=40),
    st.floats(20.0, 50.0),
    st.randoms(use_true_random=False),
)
def test_without_rest_every_move_evens_the_true_load(
    carried: list[tuple[int, float]], threshold: float, noise: random.Random
) -> None:
    """Noise of a tenth of the least gain, which is what means over the hold time leave of it: so moves must end."""
    workers = [worker for worker, _ in carried]

    def true_loads() -> list[float]:
        return [sum(points for index, (_, points) in enumerate(carried) if workers[index] == each) for each in range(4)]

    for _ in range(1000):
        loads = {worker: load + noise.uniform(-0.05, 0.05) * threshold for worker, load in enumerate(true_loads())}
        measured = [MountLoad(str(index), workers[index], points) for index, (_, points) in enumerate(carried)]
        move = best_move(loads, measured, threshold)
        if move is None:
            return
        before = sum(load * load for load in true_loads())
        workers[int(move.path)] = move.target
        assert sum(load * load for load in true_loads()) < before
    raise AssertionError("moves without an end")
