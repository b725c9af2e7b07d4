"""The stream that both sides know."""

import ctypes

import pytest

from router.bench import trace
from router.bench.shape import Layout, uniform
from router.bench.stream import TAPE_BYTES, SyntheticStream, Tape

LAYOUTS = [Layout(uniform(1200, 10, 1000)), Layout(trace.load(trace.BUILT_IN))]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_joined_packets_are_the_packets(layout: Layout) -> None:
    stream = SyntheticStream(Tape(1), layout, 1, 0)
    for cycle in (0, 1, 5):  # 1.2 MB each: the tape has begun again
        first = cycle * layout.packets
        packets = [stream.packet(first + place) for place in range(layout.packets)]
        assert stream.packets(first, layout.packets) == b"".join(packets)
        framed = b"".join(b"\x24\x04" + len(each).to_bytes(2, "big") + each for each in packets)
        assert stream.framed(first, layout.packets, 4) == framed
        assert stream.framed_cycle(cycle, 4).data == framed


@pytest.mark.parametrize("layout", LAYOUTS)
def test_payloads_of_a_batch_stand_side_by_side(layout: Layout) -> None:
    stream = SyntheticStream(Tape(1), layout, 1, 0)
    for cycle in range(4):
        for place in range(0, layout.packets - 64, 64):
            payloads = b"".join(stream.packet(cycle * layout.packets + place + each)[12:] for each in range(64))
            assert ctypes.string_at(stream.payload_at(cycle, place), len(payloads)) == payloads


def test_headers_are_rtp() -> None:
    layout = LAYOUTS[0]
    stream = SyntheticStream(Tape(1), layout, 1, 0)
    packets = [stream.packet(index) for index in range(70_000, 70_040)]
    sequences = [int.from_bytes(each[2:4], "big") for each in packets]
    assert sequences == [(stream.first_sequence + index) & 0xFFFF for index in range(70_000, 70_040)]
    assert [bool(each[1] & 0x80) for each in packets] == [index % 10 == 9 for index in range(40)]
    assert len({each[4:8] for each in packets}) == 4
    assert {each[8:12] for each in packets} == {stream.ssrc.to_bytes(4, "big")}


def test_seeds_and_mounts_differ() -> None:
    layout = LAYOUTS[0]
    found = {SyntheticStream(Tape(seed), layout, seed, mount).packet(0) for seed in range(3) for mount in range(3)}
    assert len(found) == 9
    assert SyntheticStream(Tape(1), layout, 1, 1).packet(0) == SyntheticStream(Tape(1), layout, 1, 1).packet(0)


def test_equal_sizes_never_bring_a_payload_back_soon() -> None:
    stream = SyntheticStream(Tape(1), LAYOUTS[0], 1, 0)
    packets = TAPE_BYTES // 1188 * 4
    assert len({stream.packet(index)[12:] for index in range(packets)}) == packets
