"""Loss, jitter and numbering of a stream."""

import struct

import pytest

from workers.rtp import sequence
from workers.rtp.reception import CHANGE_AFTER_S, Reception

RATE = 90_000


def observe(
    reception: Reception, numbers: list[int], *, now: float = 0.0, ssrc: int = 7, time: int = 0, marker: bool = False
) -> None:
    sequences = b"".join(struct.pack("!H", each & 0xFFFF) for each in numbers)
    ssrcs = struct.pack("!I", ssrc) * len(numbers)
    second = 0xE0 if marker else 0x60
    header = struct.pack("!BBHII", 0x80, second, numbers[-1] & 0xFFFF, time & 0xFFFFFFFF, ssrc)
    reception.observe(sequences, ssrcs, header, RATE, now)


def test_nothing_is_known_before_the_first_packet() -> None:
    reception = Reception()
    assert (reception.ssrc, reception.lost, reception.next_time(1.0)) == (None, 0, None)
    assert reception.state.last_sequence is None


@pytest.mark.parametrize("first", [0, 1, 65_530, 65_535])
def test_packets_in_order_lose_nothing_over_a_wrap(first: int) -> None:
    reception = Reception()
    for start in range(first, first + 200, 10):
        observe(reception, list(range(start, start + 10)))
    assert reception.lost == 0
    assert reception.expected == 200
    assert reception.highest == first + 199
    assert reception.state.last_sequence == (first + 199) % 65_536


def test_gaps_are_lost_and_late_packets_found_again() -> None:
    reception = Reception()
    observe(reception, [10, 11, 14, 15])
    assert reception.lost == 2
    assert reception.loss_since_report() == (2 * 256 // 6, 2)
    observe(reception, [13])
    assert reception.lost == 1
    observe(reception, [16, 17])
    assert reception.loss_since_report() == (0, 1)


def test_duplicates_are_never_a_negative_loss() -> None:
    reception = Reception()
    observe(reception, [1, 1, 1])
    assert reception.lost == 0
    assert reception.loss_since_report() == (0, -2)


def test_a_sender_that_starts_again_is_followed_after_two_in_a_row() -> None:
    reception = Reception()
    observe(reception, [100, 101])
    observe(reception, [40_000])
    assert reception.highest == 101
    observe(reception, [40_001])
    assert reception.highest == 40_001
    assert reception.lost == 0
    observe(reception, [40_002, 40_003])
    assert (reception.lost, reception.expected) == (0, 4)


def test_another_ssrc_takes_over_only_after_silence() -> None:
    reception = Reception()
    observe(reception, [1, 2], ssrc=7)
    observe(reception, [500], ssrc=8, now=0.5)
    assert (reception.ssrc, reception.state.last_sequence) == (7, 2)
    observe(reception, [501], ssrc=8, now=CHANGE_AFTER_S)
    assert (reception.ssrc, reception.state.last_sequence, reception.expected) == (8, 501, 1)


def test_steady_packets_have_no_jitter_and_late_ones_have() -> None:
    reception = Reception()
    for step in range(50):
        observe(reception, [step], now=step * 0.02, time=2**32 - 20_000 + step * 1800)
    assert reception.state.jitter == pytest.approx(0, abs=0.01)
    observe(reception, [50], now=50 * 0.02 + 0.016, time=2**32 - 20_000 + 50 * 1800)
    assert reception.state.jitter == pytest.approx(0.016 * RATE / 16, rel=0.01)


def test_next_time_runs_on_after_the_end_of_a_picture_only() -> None:
    reception = Reception()
    observe(reception, [1], now=10.0, time=2**32 - 10)
    assert reception.next_time(11.0) == 2**32 - 10
    observe(reception, [2], now=10.0, time=2**32 - 10, marker=True)
    assert reception.next_time(11.0) == RATE - 10


def test_rows_of_numbers_wrap_around() -> None:
    assert sequence.row(65_535, 2) == b"\xff\xff\x00\x00"
    assert sequence.row(0, 3) == b"\x00\x00\x00\x01\x00\x02"
    assert sequence.after(65_535) == 0
    assert sequence.distance(65_535, 1) == 2
    assert len(sequence.row(65_535, sequence.MOST_AT_ONCE)) == 2 * sequence.MOST_AT_ONCE


def test_the_count_of_the_lost_never_falls() -> None:
    reception = Reception()
    observe(reception, [10, 14])
    counts = [reception.count_lost()]
    observe(reception, [13])
    counts.append(reception.count_lost())
    observe(reception, [40_000, 40_001, 40_003])  # another numbering
    counts.append(reception.count_lost())
    observe(reception, [1, 3], ssrc=8, now=CHANGE_AFTER_S + 1)
    counts.append(reception.count_lost())
    reception.forget()
    assert reception.ssrc is None
    counts.append(reception.count_lost())
    observe(reception, [5, 7], ssrc=9)
    counts.append(reception.count_lost())
    assert counts == [3, 3, 3, 4, 4, 5]
    assert reception.lost == 1
