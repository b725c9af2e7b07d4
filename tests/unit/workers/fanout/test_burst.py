"""Runs that the kernel can cut, and interleaved frames."""

import pytest

from workers.fanout.burst import MOST_BYTES, MOST_SEGMENTS, frame_runs, packets_of, run_ends, runs_of

CASES = [
    ([100], [1]),
    ([100] * 10, [10]),
    ([100] * 9 + [40], [10]),
    ([100] * 9 + [140], [9, 10]),
    ([100, 40, 100], [2, 3]),
    ([14, 42, 18, 716, 259, 1400, 1400, 533], [1, 3, 5, 8]),
    ([12] * 64, [64]),
    ([12] * 65, [64, 65]),
    ([12] * 64 + [11], [64, 65]),
    ([1200] * 64, [54, 64]),
    ([MOST_BYTES + 20], [1]),
    ([60_000, 60_000, 50], [1, 2, 3]),
]


@pytest.mark.parametrize(("lengths", "ends"), CASES)
def test_runs_are_equal_but_the_last_and_bounded(lengths: list[int], ends: list[int]) -> None:
    assert run_ends(lengths) == ends
    start = 0
    for end in ends:
        run = lengths[start:end]
        assert len(run) <= MOST_SEGMENTS
        assert len(set(run[:-1])) <= 1
        assert run[-1] <= run[0]
        assert sum(run) <= MOST_BYTES or len(run) == 1
        start = end


@pytest.mark.parametrize("lengths", [lengths for lengths, _ in CASES if max(lengths) < 65_536])
def test_bursts_come_apart_and_are_framed_as_they_were(lengths: list[int]) -> None:
    packets = [bytes([index % 251]) * length for index, length in enumerate(lengths)]
    runs = runs_of(packets, lengths)
    assert [each for run in runs for each in packets_of(run)] == packets
    assert frame_runs(runs, 5) == b"".join(b"$\x05" + len(each).to_bytes(2, "big") + each for each in packets)
