"""Percentiles."""

from router.bench.tally import Latencies


def test_percentiles_are_upper_bounds_of_their_steps() -> None:
    latencies = Latencies()
    latencies.add(0.001005, 98)
    latencies.add(0.005005, 1)
    latencies.add(0.020005, 1)
    p50, p98, p99, p100 = latencies.percentiles_ms((0.5, 0.98, 0.99, 1.0))
    assert (p50, p98) == (1.01, 1.01)
    assert p99 == 5.01
    assert p100 == 20.01


def test_what_took_longer_than_the_scale_counts_as_its_end() -> None:
    latencies = Latencies()
    latencies.add(100.0, 1)
    latencies.add(-1.0, 1)
    assert latencies.percentiles_ms((0.5, 1.0)) == [0.01, 5000.01]
