"""RTCP of one track."""

import random
import struct

from workers.rtp import rtcp
from workers.rtp.reception import Reception
from workers.streams.reports import FEEDBACK_INTERVAL_S, REPORT_INTERVAL_S, Reports, lost_by_reader, new_reports

SENDER_REPORT = struct.pack("!BBHIIIIII", 0x80, 200, 6, 7, 0x11223344, 0x55667788, 9, 10, 11)
WISH = struct.pack("!BBHII", 0x81, 206, 2, 99, 7)


def made() -> Reports:
    randomness = random.Random(1)
    return Reports(new_reports("worker", randomness), randomness)


def parts(packet: bytes) -> list[rtcp.Part]:
    return rtcp.split(packet) or []


def received(numbers: list[int]) -> Reception:
    reception = Reception()
    sequences = b"".join(struct.pack("!H", each) for each in numbers)
    reception.observe(sequences, struct.pack("!I", 7) * len(numbers), bytes(8) + struct.pack("!I", 7), 90_000, 1.0)
    return reception


def test_a_report_has_loss_and_the_last_sender_report() -> None:
    reports = made()
    (block,) = rtcp.report_blocks(parts(reports.report(received([1, 2, 4]), 1.0))[0])
    assert (block.ssrc, block.lost, block.highest, block.last_report, block.delay) == (7, 1, 4, 0, 0)
    reports.on_publishers_report(SENDER_REPORT, parts(SENDER_REPORT), 1.0)
    assert reports.sender_report == SENDER_REPORT
    (block,) = rtcp.report_blocks(parts(reports.report(received([1]), 1.5))[0])
    assert (block.last_report, block.delay) == (0x33445566, 32_768)
    reports.forget_publisher()
    assert reports.sender_report is None


def test_an_unknown_stream_gets_a_report_without_block() -> None:
    reports = made()
    assert rtcp.report_blocks(parts(reports.report(Reception(), 0.0))[0]) == []


def test_wishes_for_pictures_are_passed_on_twice_a_second_at_most() -> None:
    reports = made()
    assert reports.picture_requests(parts(WISH + WISH), 0.0) == [WISH]
    assert reports.picture_requests(parts(WISH), FEEDBACK_INTERVAL_S - 0.01) == []
    assert reports.picture_requests(parts(SENDER_REPORT), FEEDBACK_INTERVAL_S) == []
    assert reports.picture_requests(parts(WISH), FEEDBACK_INTERVAL_S) == [WISH]
    request = parts(reports.request(WISH))
    assert [each.kind for each in request] == [201, 202, 206]


def test_a_readers_losses_are_those_that_its_report_says() -> None:
    def report(lost: int) -> list[rtcp.Part]:
        return parts(rtcp.receiver_report(1, (rtcp.ReportBlock(7, 0, lost, 0, 0, 0, 0),), "reader"))

    assert lost_by_reader(report(5), 0) == 5
    assert lost_by_reader(report(3), 5) == 3
    assert lost_by_reader([], 10) == 10


def test_reports_do_not_march_in_step() -> None:
    reports = made()
    drawn = [reports.next_interval_s() for _ in range(100)]
    assert 0.5 * REPORT_INTERVAL_S <= min(drawn) < max(drawn) <= 1.5 * REPORT_INTERVAL_S
    assert len(set(drawn)) > 50
