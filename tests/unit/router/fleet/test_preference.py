"""Where a new mount goes."""

from router.fleet.preference import Load, by_preference


def load(worker: int, **facts: float) -> Load:
    values = {"cpu_percent": 0.0, "packets_per_s": 0.0, "mounts": 0, "new_mounts": 0, "last_placed": 0} | facts
    return Load(worker=worker, **values)  # type: ignore[arg-type]  # one dict serves fields of two types


def test_the_idle_worker_comes_first() -> None:
    assert by_preference([load(0, cpu_percent=60), load(1, cpu_percent=3)]) == [1, 0]


def test_delivered_packets_count_like_cpu() -> None:
    assert by_preference([load(0, packets_per_s=40_000), load(1, packets_per_s=1_000)]) == [1, 0]


def test_many_light_mounts_weigh_less_than_a_heavy_one() -> None:
    assert by_preference([load(0, cpu_percent=70, mounts=1), load(1, cpu_percent=8, mounts=30)]) == [1, 0]


def test_noise_of_idle_workers_does_not_decide() -> None:
    assert by_preference([load(0, cpu_percent=0.4, mounts=0), load(1, cpu_percent=0.0, mounts=1)]) == [0, 1]


def test_equal_load_alternates() -> None:
    placed = {0: 0, 1: 0}
    order = []
    for turn in range(1, 7):
        best = by_preference([load(worker, last_placed=placed[worker]) for worker in placed])[0]
        placed[best] = turn
        order.append(best)
    assert order == [0, 1, 0, 1, 0, 1]


def test_a_burst_of_new_mounts_spreads_before_anything_is_measured() -> None:
    mounts = {0: 0, 1: 0, 2: 0}
    for turn in range(30):
        loads = [load(each, mounts=count, new_mounts=count, last_placed=turn) for each, count in mounts.items()]
        mounts[by_preference(loads)[0]] += 1
    assert set(mounts.values()) == {10}


def test_nobody_is_nobody() -> None:
    assert by_preference([]) == []
