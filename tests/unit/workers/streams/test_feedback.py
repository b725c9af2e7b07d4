"""What readers send: to the publisher, to taps, and at a replica to the owner."""

import struct

from tests.support.worker_parts import Parts, rtp, sockets
from workers.channel import Kind
from workers.contract.parts import Format, TrackSpec
from workers.rtp import rtcp
from workers.runtime.counters import Drop
from workers.streams.track import MountTrack, make_tracks

WISH = rtcp.receiver_report(99, (), "reader") + struct.pack("!BBHII", 0x81, 206, 2, 99, 7)


class Link:
    """A publisher, or a tap."""

    def __init__(self) -> None:
        self.got: list[tuple[Kind, bytes, str]] = []

    def send(self, kind: Kind, packet: bytes, now: float, session: str) -> bool:
        self.got.append((kind, packet, session))
        return True

    def on_rtcp(self, now: float) -> None:
        pass

    def send_for(self, kind: Kind, packet: bytes, session: str) -> None:
        self.got.append((kind, packet, session))


def made(*, replica: bool = False, back_channel: bool = False) -> tuple[MountTrack, Link, Parts]:
    parts, (_, pair) = Parts(), sockets(2)
    state = parts.track_state()
    state.spec = TrackSpec((Format(96, 90_000),), back_channel)
    (track,) = make_tracks([state], pair, parts.resources, replica=replica)
    link = Link()
    track.stream.link = link
    return track, link, parts


def report(lost: int) -> bytes:
    return rtcp.receiver_report(1, (rtcp.ReportBlock(7, 0, lost, 0, 0, 0, 0),), "reader")


def test_readers_losses_are_counted_as_they_grow() -> None:
    track, _, parts = made()
    lost = track.feedback.take_rtcp(report(5), 0, "r", 0.0)
    lost = track.feedback.take_rtcp(report(3), lost, "r", 0.0)
    lost = track.feedback.take_rtcp(report(10), lost, "r", 0.0)
    assert lost == 10
    assert parts.counters.drops[Drop.READER_REPORTED] == 12
    assert track.feedback.take_rtcp(b"garbage", lost, "r", 0.0) == 10
    assert parts.counters.drops[Drop.NOT_RTP] == 1


def test_a_wish_goes_to_the_publisher_in_a_report_of_our_own() -> None:
    track, link, _ = made()
    track.feedback.take_rtcp(WISH, 0, "r", 0.0)
    ((kind, packet, session),) = link.got
    assert (kind, session) == (Kind.RTCP, "")
    assert packet.endswith(WISH[-12:])


def test_taps_that_listen_and_a_back_channel_get_what_readers_send() -> None:
    track, link, parts = made(back_channel=True)
    tap = Link()
    track.feedback.listeners.append(tap)
    track.feedback.take_rtp(rtp(1), "r", 0.0)
    assert link.got == tap.got == [(Kind.RTP, rtp(1), "r")]
    assert parts.counters.packets_in == 1


def test_a_replica_leaves_all_that_readers_say_to_the_owner() -> None:
    track, link, _ = made(replica=True)
    track.feedback.take_rtcp(WISH, 0, "r", 0.0)
    assert link.got == [(Kind.RTCP, WISH, "r")]
    owners, publisher, parts = made()
    owners.feedback.take_replicas(Kind.RTCP, WISH, "r", 0.0)
    assert publisher.got[0][1].endswith(WISH[-12:])
    assert parts.counters.drops[Drop.READER_REPORTED] == 0
