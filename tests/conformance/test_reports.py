"""RTP-Info, Range, and RTCP in both directions."""

import pytest

from tests.support.publisher import Publisher
from tests.support.reader import Reader, receive_all
from tests.support.router import RouterProcess
from tests.support.rtp import RECEIVER_REPORT, ReportBlock, Rtcp, build_receiver_report, parse_rtcp, parse_rtp
from tests.support.sdp import clock_rate
from tests.support.waiting import eventually

REPORT_TIMEOUT_S = 15.0
"""Twice the longest interval between reports that RFC 3550 6.3.1 gives for so few members (7.5 s)."""


def rtp_info(value: str) -> list[dict[str, str]]:
    """Take an RTP-Info header apart; the URLs of these tests have no commas."""
    return [dict(part.strip().split("=", 1) for part in each.split(";")) for each in value.split(",")]


def signed(difference: int) -> int:
    """Read a difference of time stamps as one that may have wrapped."""
    return (difference + 2**31) % 2**32 - 2**31


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_rtp_info_names_the_first_packet(router: RouterProcess, path: str, transport: str) -> None:
    with (
        Publisher(router.publish(path), tracks=2).start() as publisher,
        Reader(router.read(path)).start() as early,
        Reader(router.read(path), transport=transport) as reader,
    ):
        publisher.send(7)
        publisher.send(4, index=1)  # the tracks stand at different numbers
        early.receive(7)
        reader.describe()
        for index in (0, 1):
            reader.set_up(index)
        infos = rtp_info(reader.play()["RTP-Info"])
        publisher.send(3)
        reader.receive(3)
        reader.check(publisher)
        assert [info["url"] for info in infos] == [reader.control_url(index) for index in (0, 1)]
        for index, info in enumerate(infos):
            first = parse_rtp(reader.tracks[index].packets[0])
            assert int(info["seq"]) == first.sequence
            # The publisher sent faster than its clock: what came next could be foretold to the second only.
            assert abs(signed(int(info["rtptime"]) - first.timestamp)) <= clock_rate(index)


def test_play_before_the_first_packet(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)) as reader:
        reader.describe()
        reader.set_up(0)
        info = reader.play().get("RTP-Info")
        assert info is None or "seq=" not in info  # nobody can know it yet
        publisher.send(3)
        reader.receive(3)
        reader.check(publisher)


@pytest.mark.parametrize("value", ["npt=12.500-", "npt=now-", "clock=20261120T160000Z-"])
def test_range_is_passed_on_from_record(router: RouterProcess, path: str, value: str) -> None:
    with Publisher(router.publish(path)) as publisher, Reader(router.read(path)) as reader:
        publisher.announce()
        publisher.set_up(0)
        publisher.record(value)
        reader.describe()
        reader.set_up(0)
        assert reader.play()["Range"] == value


@pytest.mark.parametrize("publish_over", ["udp", "tcp"])
@pytest.mark.parametrize("read_over", ["udp", "tcp"])
def test_sender_reports_go_to_readers_as_they_are(
    router: RouterProcess, path: str, publish_over: str, read_over: str
) -> None:
    with (
        Publisher(router.publish(path), tracks=2, transport=publish_over).start() as publisher,
        Reader(router.read(path), transport=read_over).start() as reader,
    ):
        publisher.send(3)
        reports = [publisher.send_sender_report(index) for index in (0, 1)]
        for index in (0, 1):
            assert reader.receive_report(index) == reports[index]
        later = [publisher.send_sender_report(index) for index in (0, 1)]
        with Reader(router.read(path), transport=read_over) as newcomer:
            receive_all([reader], lambda: all(later[index] in reader.tracks[index].reports for index in (0, 1)))
            newcomer.start()
            # Nothing more is sent: these are the last ones, kept.
            for index in (0, 1):
                assert newcomer.receive_report(index, 3) == later[index]


def report_block(publisher: Publisher, index: int) -> ReportBlock | None:
    """Find the last report on a track among the RTCP that came."""
    packets: list[Rtcp] = [part for data in publisher.received_rtcp(index) for part in parse_rtcp(data)]
    blocks = [block for packet in packets if packet.kind == RECEIVER_REPORT for block in packet.blocks]
    return next((block for block in reversed(blocks) if block.ssrc == publisher.tracks[index].ssrc), None)


def test_udp_publishers_get_reports_with_real_loss_and_jitter(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as reader:
        track = publisher.tracks[0]
        publisher.send(10)
        track.skip(10)
        for number in range(80):  # one by one: packets that come together count as one picture
            publisher.send(1)
            reader.receive(10 + number + 1)
        sender_report = publisher.send_sender_report(0)
        last = (track.next_sequence - 1) & 0xFFFF

        def complete() -> ReportBlock | None:
            block = report_block(publisher, 0)
            return block if block is not None and block.highest_sequence & 0xFFFF == last and block.last_sr else None

        block = eventually(complete, "a receiver report on all packets", REPORT_TIMEOUT_S)
        assert block.lost == 10
        # Packets of 1/30 s each came much faster: the jitter tends towards 1/30 s (RFC 3550 A.8).
        assert clock_rate(0) / 90 < block.jitter < clock_rate(0) / 20
        assert block.last_sr == int.from_bytes(sender_report[10:14], "big")
        assert 0 < block.delay_since_last_sr < REPORT_TIMEOUT_S * 65_536


def test_loss_is_in_the_fraction_and_in_the_status(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as reader:
        for _ in range(30):
            publisher.send(1)
            publisher.tracks[0].skip(1)
        publisher.send(1)
        reader.receive(31)
        block = eventually(lambda: report_block(publisher, 0), "a receiver report", REPORT_TIMEOUT_S)
        assert block.lost == 30
        assert 100 <= block.fraction_lost <= 128  # of 256: a half


def test_a_loss_free_publisher_is_told_so(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as reader:
        publisher.tracks[0].first_sequence = 65_530  # wraps on its way
        publisher.send(20)
        reader.receive(20)
        block = eventually(lambda: report_block(publisher, 0), "a receiver report", REPORT_TIMEOUT_S)
        assert (block.lost, block.fraction_lost) == (0, 0)
        assert block.highest_sequence == 0x10000 + 13


def test_readers_reports_stay_with_the_router(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as reader:
        publisher.send(1)
        reader.receive(1)
        track = reader.tracks[0]
        assert track.rtcp is not None
        foreign = build_receiver_report(0x12345678)
        track.rtcp.sendto(foreign, (reader.server_host, track.server_ports[1]))
        own = publisher.send_sender_report(0)  # behind it in the same socket: once it is out, the other was read
        assert reader.receive_report(0) == own
        assert all(foreign not in data for data in publisher.received_rtcp(0))
