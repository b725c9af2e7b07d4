"""Bursts to messages and back."""

import pytest

from workers.channel import MOST_MESSAGE_BYTES, ChannelError, Kind, decode, encode
from workers.channel.codec import MOST_BURST_BYTES, MOST_RUNS
from workers.fanout.burst import Run, runs_of


def run(segment: int, count: int, last: int | None = None) -> Run:
    return bytes(segment * (count - 1) + (segment if last is None else last)), segment, count


@pytest.mark.parametrize(
    "runs",
    [
        [run(1200, 10, 700)],
        [run(12, 1)],
        [run(1, 64)],
        [run(65_535, 1)],
        [run(1200, 1), run(300, 2, 299), run(1400, 40)],
    ],
)
def test_a_burst_survives(runs: list[Run]) -> None:
    (message,) = encode(Kind.RTP, 31, runs, ntp=1e9 + 0.25, session="s-1", missed=7)
    burst = decode(memoryview(message))
    assert list(burst.runs) == runs
    assert (burst.kind, burst.track, burst.ntp, burst.session, burst.missed) == (Kind.RTP, 31, 1e9 + 0.25, "s-1", 7)
    assert burst.packets == sum(count for _, _, count in runs)
    assert burst.size == sum(len(data) for data, _, _ in runs)


@pytest.mark.parametrize("runs", [[run(60_000, 1)] * 9, [run(12, 1), run(13, 1)] * MOST_RUNS])
def test_a_long_burst_takes_several_messages_and_says_once_what_was_missed(runs: list[Run]) -> None:
    messages = encode(Kind.RTCP, 0, runs, missed=1 << 40)
    bursts = [decode(each) for each in messages]
    assert [each for burst in bursts for each in burst.runs] == runs
    assert [each.missed for each in bursts] == [0xFFFFFFFF] + [0] * (len(bursts) - 1)
    assert all(len(each.runs) <= MOST_RUNS and each.size <= MOST_BURST_BYTES for each in bursts)
    assert len(bursts) > 1


def test_no_message_is_longer_than_the_other_end_reads() -> None:
    sizes = [MOST_BURST_BYTES // MOST_RUNS - 1, MOST_BURST_BYTES // MOST_RUNS + 1] * MOST_RUNS
    runs = runs_of([bytes(each) for each in sizes], sizes)
    assert max(map(len, encode(Kind.RTP, 0, runs, session="x" * 128))) <= MOST_MESSAGE_BYTES


GOOD = encode(Kind.RTP, 0, [run(20, 2)], session="s")[0]


@pytest.mark.parametrize(
    "message",
    [
        b"",
        GOOD[:-1],
        GOOD + b"x",
        GOOD[:20],
        b"\x02" + GOOD[1:],
        GOOD[:1] + b"\x03" + GOOD[2:],
        GOOD[:2] + b"\x20" + GOOD[3:],
        GOOD[:3] + b"\xff" + GOOD[4:],
        GOOD[:4] + b"\x00\x00" + GOOD[6:],
        GOOD[:10] + b"\x7f\xf8" + GOOD[12:],
        encode(Kind.RTP, 0, [(bytes(20), 20, 2)])[0],
        encode(Kind.RTP, 0, [(bytes(41), 20, 2)])[0],
        encode(Kind.RTP, 0, [(b"", 0, 1)])[0],
        encode(Kind.RTP, 0, [(bytes(20), 20, 0)])[0],
        encode(Kind.RTP, 0, [(bytes(65), 1, 65)])[0],
        GOOD.replace(b"s", b"\xff"),
    ],
)
def test_what_is_no_burst(message: bytes) -> None:
    with pytest.raises(ChannelError):
        decode(message)
