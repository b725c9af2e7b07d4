"""A reader that has missed something gets whole frames, from one that a decoder may begin with on."""

from workers.contract.image import CatchingUpImage
from workers.fanout.burst import runs_of
from workers.fanout.catching_up import SortedBurst, choose
from workers.rtp.access_points import AccessPoints

VIDEO = AccessPoints({96: "H264", 97: "rtx"})
SOUND = AccessPoints({96: "OPUS"})
KEY, DELTA = b"\x65\x88", b"\x41\x9a"


def packet(timestamp: int, payload: bytes = DELTA, payload_type: int = 96) -> bytes:
    return bytes([0x80, payload_type, 0, 0]) + timestamp.to_bytes(4, "big") + bytes(4) + payload


def burst(*packets: bytes, points: AccessPoints = VIDEO) -> SortedBurst:
    return SortedBurst(runs_of(list(packets), list(map(len, packets))), points)


def room(following: list[bytes]) -> bool:
    return True


def no_room(following: list[bytes]) -> bool:
    return False


def test_the_frame_of_the_first_packet_is_finished_and_no_other_begun() -> None:
    reader = CatchingUpImage(0.0)
    assert choose(reader, burst(packet(1), packet(1), packet(2)), room) == ([packet(1), packet(1)], [])
    assert choose(reader, burst(packet(2), packet(3)), room) == ([], [])
    assert choose(reader, burst(packet(1), packet(3)), room) == ([packet(1)], [])


def test_it_begins_again_with_an_access_point() -> None:
    reader = CatchingUpImage(0.0, finishing=1)
    after = [packet(3, KEY), packet(3), packet(4)]
    assert choose(reader, burst(packet(1), packet(2), *after), room) == ([packet(1)], after)


def test_an_access_point_that_found_no_room_is_not_begun_half_way() -> None:
    reader = CatchingUpImage(0.0, finishing=1)
    assert choose(reader, burst(packet(2, KEY)), no_room) == ([], [])
    assert choose(reader, burst(packet(2, KEY), packet(2)), room) == ([], [])
    assert choose(reader, burst(packet(3, KEY)), room) == ([], [packet(3, KEY)])


def test_a_frame_without_access_points_is_begun_with_its_first_packet() -> None:
    reader = CatchingUpImage(0.0, finishing=1)
    assert choose(reader, burst(packet(1), packet(2), points=SOUND), no_room) == ([packet(1)], [])
    assert choose(reader, burst(packet(2), packet(3), points=SOUND), room) == ([], [packet(3)])


def test_repairing_packets_are_no_frame() -> None:
    reader = CatchingUpImage(0.0)
    repair = packet(1, payload_type=97)
    assert choose(reader, burst(repair), room) == ([], [])
    assert choose(reader, burst(repair, packet(5), packet(6)), room) == ([packet(5)], [])
