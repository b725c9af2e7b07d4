"""The numbers of a stream as readers see them, over two publishers."""

from tests.support.worker_parts import RATE, Parts, rtp, sockets
from workers.contract.image import NtpShift
from workers.streams.stream import Stream
from workers.streams.track import make_tracks


def made() -> Stream:
    parts, (_, pair) = Parts(), sockets(2)
    (track,) = make_tracks([parts.track_state()], pair, parts.resources, replica=False)
    return track.stream


def test_nothing_is_known_before_the_first_packet() -> None:
    stream = made()
    assert stream.numbers.ssrc is None
    assert stream.numbers.next_packet(1.0) == (None, None)
    stream.numbers.forget_publisher(NtpShift())
    assert stream.numbers.succession is None, "there is nothing to follow"


def test_the_next_packet_is_after_the_last_one_over_the_wrap() -> None:
    stream = made()
    stream.deliver_packets([rtp(65_535, ssrc=7, time=2**32 - 1)], 10.0)
    assert stream.numbers.ssrc == 7
    assert stream.numbers.next_packet(11.0) == (0, 2**32 - 1), "of the same picture"
    packet = bytearray(rtp(0, ssrc=7, time=2**32 - 1))
    packet[1] |= 0x80
    stream.deliver_packets([bytes(packet)], 10.0)
    assert stream.numbers.next_packet(11.0) == (1, RATE - 1), "of the next one, a second later"


def test_another_publishers_packets_follow_those_that_readers_got() -> None:
    stream = made()
    stream.deliver_packets([rtp(100, ssrc=7, time=1000)], 10.0)
    stream.numbers.forget_publisher(NtpShift())
    assert stream.numbers.ssrc == 7
    assert stream.numbers.next_packet(11.0) == (101, 1000 + RATE)
    stream.deliver_packets([rtp(5000, ssrc=9, time=77), rtp(5001, ssrc=9, time=77)], 11.0)
    assert stream.numbers.ssrc == 7, "as readers see it"
    assert stream.numbers.next_packet(11.0) == (103, 1000 + RATE)
    seen = stream.numbers.as_received()
    assert (seen.ssrc, seen.last_sequence, seen.last_time) == (b"\0\0\0\x07", 102, 1000 + RATE)


def test_a_publisher_that_begins_anew_has_its_own_numbers() -> None:
    stream = made()
    stream.deliver_packets([rtp(100, ssrc=7)], 10.0)
    stream.numbers.forget_publisher(None)
    assert (stream.numbers.ssrc, stream.numbers.next_packet(11.0)) == (None, (None, None))
    stream.deliver_packets([rtp(5000, ssrc=9)], 11.0)
    assert stream.numbers.ssrc == 9
