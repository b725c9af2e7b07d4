"""Streams that a program writes, read by real connections."""

import asyncio
import gc
import os
import signal
import struct
import time
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest

from router import (
    CannotReload,
    NotRtcp,
    NotRtp,
    PacketTooLarge,
    PathTaken,
    ReceivedPacket,
    Server,
    ServerStream,
    StartError,
    StreamClosed,
    StreamError,
    StreamFull,
    StreamNotOpen,
    StreamNotPlaced,
    WrongMedia,
    WrongPayloadType,
)
from router.description import H264, Media, SessionDescription
from router.link.worker import Worker
from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.rtp import BYE, SENDER_REPORT, build_sender_report, parse_rtcp
from tests.support.rtsp import RtspConnection
from tests.support.streams import (
    DESCRIPTION,
    PICTURE,
    SOUND,
    TALK_BACK,
    WrittenTrack,
    arrived,
    check,
    reported,
    serving,
    until,
)
from workers.shared.burst_socket import MOST_QUEUED_BYTES

VIDEO, AUDIO = 0, 1
WITHOUT_TALK_BACK = [VIDEO, AUDIO]


def run(program: Coroutine[None, None, None]) -> None:
    """Run a program that must come to its end, with no task left."""

    async def main() -> None:
        await asyncio.wait_for(program, 60)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, left

    asyncio.run(main())


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_readers_get_what_a_program_writes(transport: str) -> None:
    async def program() -> None:
        async with serving() as server, ServerStream(server, DESCRIPTION, "/made/") as stream:
            assert stream.path == "/made"
            readers = [
                await asyncio.to_thread(Reader(server.client_url + "/made", transport=transport).start)
                for _ in range(3)
            ]
            tracks = [WrittenTrack(stream, each) for each in WITHOUT_TALK_BACK]
            for _ in range(5):  # few enough for a reader's socket, whenever it comes to read
                tracks[VIDEO].write(10, 1200)
                tracks[AUDIO].write(1, 172)
            await stream.drain()
            stream.write_packet_rtp(PICTURE, last := tracks[VIDEO].build(60))
            tracks[VIDEO].sent.append(last)
            for reader in readers:
                await asyncio.to_thread(reader.receive, 5)
                await arrived(reader, VIDEO, 51)
                check(reader, *tracks)
                assert len(reader.controls) == 2, "the back channel is only for who asks for it"
            stats = stream.stats()
            assert (stats.packets, stats.readers, stats.dropped, stats.missed) == (56, 3, 0, 0)
            assert (stats.medias[VIDEO].packets, stats.medias[VIDEO].bytes) == (51, 50 * 1200 + 60)
            assert [each.readers for each in stats.medias] == [3, 3, 0]
            stream.close()
            for reader in readers:
                await asyncio.to_thread(reader.wait_ended)
                if transport == "udp":
                    await reported(reader, VIDEO, BYE)
                reader.close()
            with pytest.raises(StreamClosed, match="by its program"):
                stream.write_packets_rtp(VIDEO, [last])
            with RtspConnection(server.client_url) as connection:
                await asyncio.to_thread(connection.expect, 404, "DESCRIBE", server.client_url + "/made")

    run(program())


def test_a_stream_made_before_the_server_starts_is_there_for_the_first_client() -> None:
    made: list[ServerStream] = []

    async def program() -> None:
        async with serving(lambda server: made.append(ServerStream(server, DESCRIPTION, "/early"))) as server:
            (stream,) = made
            reader = await asyncio.to_thread(Reader(server.client_url + "/early").start)
            track = WrittenTrack(stream, VIDEO)
            track.write(5)
            await arrived(reader, VIDEO, 5)
            check(reader, track)
            reader.close()
            await stream.open()  # it is
        assert stream.closed
        with pytest.raises(StreamClosed, match="the server stops"):
            track.write(1)

    run(program())


def test_streams_that_cannot_be_opened_say_why() -> None:
    async def program() -> None:
        async with serving() as server:
            for path in ("made", "", "/a film", "/made?now", "/made#now", "/made\r\n"):
                with pytest.raises(ValueError, match="which no URL has"):
                    ServerStream(server, DESCRIPTION, path)
            with pytest.raises(ValueError, match="12 to 65507"):
                ServerStream(server, DESCRIPTION, max_packet_bytes=65_508)
            async with ServerStream(server, DESCRIPTION, "/made"):
                with pytest.raises(PathTaken, match="another stream of this program has it"):
                    await ServerStream(server, DESCRIPTION, "/made").open()
                with Publisher(server.publish_url + "/made") as publisher:
                    await asyncio.to_thread(publisher.announce, 503)
            with Publisher(server.publish_url + "/live") as publisher:
                await asyncio.to_thread(publisher.start)
                taken = ServerStream(server, DESCRIPTION, "/live")
                with pytest.raises(PathTaken, match="a publisher has it"):
                    await taken.open()
                await asyncio.to_thread(publisher.teardown)
                await taken.open()  # the path is free by now
                taken.close()
            many = SessionDescription([PICTURE] * 17)
            with pytest.raises(StreamNotPlaced, match=r"limits\.tracks"):
                await ServerStream(server, many).open()
        with pytest.raises(StreamError):
            await ServerStream(server, DESCRIPTION).open()

    async def too_few_ports() -> None:
        def prepare(server: Server) -> None:
            for path in ("/one", "/two"):
                ServerStream(server, DESCRIPTION, path)

        async with serving(prepare, limits={"mounts": 1}):
            raise AssertionError("it must not start")

    class Broken(ServerStream):
        async def open(self) -> None:
            raise RuntimeError("a program's own mistake")

    async def mistaken() -> None:
        async with serving(lambda server: setattr(server, "made", Broken(server, DESCRIPTION, "/one"))):
            raise AssertionError("it must not start")

    run(program())
    with pytest.raises(StartError, match="mounts"):
        run(too_few_ports())
    with pytest.raises(StartError, match="own mistake"):
        run(mistaken())


def test_who_is_cancelled_while_a_stream_opens_leaves_none_behind() -> None:
    async def program() -> None:
        async with serving() as server:

            async def enter() -> None:
                async with ServerStream(server, DESCRIPTION, "/made"):
                    raise AssertionError("cancelled before")

            task = asyncio.get_running_loop().create_task(enter())
            await asyncio.sleep(0)  # it has begun, and waits for the worker
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            async with ServerStream(server, DESCRIPTION, "/made") as again:
                WrittenTrack(again, VIDEO).write(1)

    run(program())


def test_what_cannot_be_written_raises_and_reaches_no_reader() -> None:
    async def program() -> None:
        async with serving() as server:
            stream = ServerStream(server, DESCRIPTION, "/made", max_packet_bytes=1000)
            track = WrittenTrack(stream, VIDEO)
            good = track.build(100)
            with pytest.raises(StreamNotOpen):
                stream.write_packet_rtp(PICTURE, good)
            await stream.open()
            reader = await asyncio.to_thread(Reader(server.client_url + "/made").start)
            wrong: list[tuple[type[StreamError], bytes]] = [
                (NotRtp, b"\x00" + good[1:]),
                (PacketTooLarge, track.build(1001)),
                (WrongPayloadType, WrittenTrack(stream, AUDIO).build(100)),
            ]
            for error, packet in wrong:
                with pytest.raises(error):
                    stream.write_packets_rtp(PICTURE, [good, packet, good])
            for media in (3, -1, True, Media("video", [H264(payload_type=97)]), TALK_BACK):
                with pytest.raises(WrongMedia):
                    stream.write_packets_rtp(media, [good])
            with pytest.raises(NotRtcp):
                stream.write_packet_rtcp(PICTURE, good)
            with pytest.raises(WrongMedia):
                stream.write_packet_rtcp(TALK_BACK, build_sender_report(1, 2, 3, 4, 5))
            nows: list[Any] = [0.0, float("nan"), float("inf"), 1e13, datetime.now(UTC)]
            for ntp in nows:
                with pytest.raises(ValueError, match="Unix seconds"):
                    stream.write_packet_rtp_with_ntp(PICTURE, good, ntp)
            bursts: list[Any] = [good, (each for each in [good]), [good.hex()]]
            for burst in bursts:
                with pytest.raises(TypeError, match="not a list of packets as bytes"):
                    stream.write_packets_rtp(PICTURE, burst)
            stream.write_packets_rtp(PICTURE, [])
            assert stream.stats().packets == 0
            stream.write_packet_rtp(PICTURE, good)
            await arrived(reader, VIDEO, 1)
            assert reader.tracks[VIDEO].packets == [good]
            assert not reader.tracks[AUDIO].packets
            reader.close()
            stream.close()
            stream.close()
            for write in (stream.write_packet_rtp, stream.write_packet_rtcp):
                with pytest.raises(StreamError):
                    write(PICTURE, good)
            with pytest.raises(StreamClosed):
                await stream.drain()
            with pytest.raises(StreamClosed):
                await stream.open()

    run(program())


def test_a_worker_that_takes_nothing_makes_the_stream_full_and_then_loses_nothing() -> None:
    async def program() -> None:
        async with (
            serving(heartbeat_timeout_s=60, write_queue_bytes=32_000_000) as server,
            ServerStream(server, DESCRIPTION, "/made") as stream,
        ):
            reader = await asyncio.to_thread(Reader(server.client_url + "/made", transport="tcp").start)
            track = WrittenTrack(stream, VIDEO)
            (worker,) = server._front.fleet.link.ready()
            os.kill(worker.pid, signal.SIGSTOP)
            try:
                with pytest.raises(StreamFull, match="wait for its worker"):
                    _write_much(track)
                track.sent = track.sent[:-40]  # refused whole
                assert MOST_QUEUED_BYTES - 100_000 < stream.stats().queued_bytes <= MOST_QUEUED_BYTES
                drained = asyncio.ensure_future(stream.drain())
                await asyncio.sleep(0.05)
                assert not drained.done()
            finally:
                os.kill(worker.pid, signal.SIGCONT)
            await drained
            assert stream.stats().queued_bytes == 0
            await arrived(reader, VIDEO, len(track.sent))
            assert reader.tracks[VIDEO].packets == track.sent
            reader.close()

    run(program())


def _write_much(track: WrittenTrack) -> None:
    for _ in range(3 * MOST_QUEUED_BYTES // (40 * 1400)):
        track.write(40, 1400)


def test_sender_reports_name_the_time_that_was_given() -> None:
    ntp = time.time() - 3600

    async def program() -> None:
        async with serving() as server, ServerStream(server, DESCRIPTION, "/made") as stream:
            reader = await asyncio.to_thread(Reader(server.client_url + "/made").start)
            tracks = [WrittenTrack(stream, each) for each in WITHOUT_TALK_BACK]
            began = time.monotonic()
            stream.write_packet_rtp_with_ntp(PICTURE, packet := tracks[VIDEO].build(100), ntp)
            stream.write_packet_rtp(SOUND, tracks[AUDIO].build(100))
            stream.write_packet_rtcp(SOUND, own := build_sender_report(tracks[AUDIO].ssrc, 2, 3, 4, 5))
            await reported(reader, VIDEO, SENDER_REPORT)
            report, description = parse_rtcp(reader.tracks[VIDEO].reports[0])
            seconds, fraction, rtp_time = struct.unpack_from(">III", report.data, 8)
            elapsed = seconds - 2_208_988_800 + fraction / 2**32 - ntp
            assert 0 <= elapsed <= time.monotonic() - began, "the time that was given, gone on since"
            (timestamp,) = struct.unpack_from(">I", packet, 4)
            assert abs((rtp_time - timestamp) % 2**32 - elapsed * 90_000) < 2
            assert stream.id.encode() in description.data
            late = await asyncio.to_thread(Reader(server.client_url + "/made").start)
            await reported(late, VIDEO, SENDER_REPORT)
            await reported(late, AUDIO, SENDER_REPORT)
            assert late.tracks[AUDIO].reports[0] == own
            assert stream.stats().medias[AUDIO].rtcp_packets == 1
            for each in (reader, late):
                each.close()

    run(program())


def test_a_description_may_change_in_what_readers_have_not_been_told() -> None:
    async def program() -> None:
        async with serving() as server, ServerStream(server, DESCRIPTION, "/made") as stream:

            def body() -> bytes:
                with RtspConnection(server.client_url) as connection:
                    return connection.expect(200, "DESCRIBE", server.client_url + "/made").body

            described = await asyncio.to_thread(body)
            assert b"s=-" in described
            video = Media("video", [H264(payload_type=96, packetization_mode=1)])
            stream.reload_description(SessionDescription([video, SOUND, TALK_BACK], title="Second half"))
            changed = await asyncio.to_thread(body)
            assert b"s=Second half" in changed
            assert b"packetization-mode=1" in changed
            versions = [int(each.split(b"o=- ")[1].split()[1]) for each in (described, changed)]
            assert versions[1] > versions[0], "readers can tell that it is another one (RFC 4566 section 5.2)"
            stream.write_packets_rtp(video, [WrittenTrack(stream, VIDEO).build(100)])
            with pytest.raises(WrongMedia):
                stream.write_packets_rtp(PICTURE, [WrittenTrack(stream, VIDEO).build(100)])
            for medias in ([video], [video, SOUND, SOUND], [Media("video", [H264(payload_type=98)]), SOUND, TALK_BACK]):
                with pytest.raises(CannotReload):
                    stream.reload_description(SessionDescription(medias))
            assert await asyncio.to_thread(body) == changed

    run(program())


def test_a_stream_goes_on_when_its_worker_dies() -> None:
    """With its UDP readers, who see a gap and nothing else."""

    async def program() -> None:
        async with serving(workers=2) as server, ServerStream(server, DESCRIPTION, "/made") as stream:
            track = WrittenTrack(stream, VIDEO)
            stays = await asyncio.to_thread(Reader(server.client_url + "/made").start)
            await until(lambda: all(each.active for each in server._front.sessions), "the front to hear that it plays")
            for _ in range(2):
                assert stream.mount is not None
                worker = stream.mount.worker
                assert isinstance(worker, Worker)
                os.kill(worker.pid, signal.SIGKILL)
                await until(lambda: stream._publication.pipe is None, "the loss")
                track.write(3)
                await until(lambda: stream._publication.pipe is not None, "another worker")
                late = await asyncio.to_thread(Reader(server.client_url + "/made").start)
                track.write(10)
                for reader, packets in ((late, 10), (stays, len(stays.tracks[VIDEO].packets) + 10)):
                    await arrived(reader, VIDEO, packets)
                    assert reader.tracks[VIDEO].packets[-10:] == track.sent[-10:]
                late.close()
            assert len(stays.tracks[VIDEO].packets) == 20
            assert stream.stats().dropped == 6
            stays.close()

    run(program())


def test_a_stream_moves_to_another_worker_and_nobody_notices() -> None:
    """Its channel moves with it: what is written meanwhile waits in there."""

    async def program() -> None:
        async with serving(workers=2) as server, ServerStream(server, DESCRIPTION, "/made") as stream:
            track, wished = WrittenTrack(stream, VIDEO), list[ReceivedPacket]()
            stream.on_packet_rtcp(VIDEO, wished.append)
            readers = [
                await asyncio.to_thread(Reader(server.client_url + "/made", transport=each).start)
                for each in ("udp", "tcp")
            ]
            mount = stream.mount
            assert mount is not None
            for _ in range(4):
                source = mount.worker
                (target,) = [each for each in server._front.fleet.link.ready() if each is not source]
                assert isinstance(source, Worker)
                move = asyncio.create_task(server._front.fleet.mover.move([mount], source, target, reason="a test"))
                while not move.done():
                    track.write(1)
                    await asyncio.sleep(0)
                    for reader in readers:
                        reader.pump()
                await move
                assert mount.worker is target
                track.write(5)
            for reader in readers:
                await arrived(reader, VIDEO, len(track.sent))
                assert reader.tracks[VIDEO].packets == track.sent
                reader.send_rtcp(VIDEO, struct.pack("!BBHII", 0x81, 206, 2, 1, track.ssrc))
            await until(lambda: wished, "a request for a picture, by the worker that has it now")
            stats = stream.stats()
            assert (stats.packets, stats.dropped) == (len(track.sent), 0)
            late = await asyncio.to_thread(Reader(server.client_url + "/made").start)
            await reported(late, VIDEO, SENDER_REPORT)
            for each in (late, *readers):
                each.close()

    run(program())


def test_many_streams_leave_nothing_behind() -> None:
    """Ports, descriptors on both sides, tasks: after 1,000 streams all is as before."""

    def descriptors(pid: int) -> int:
        return len(os.listdir(f"/proc/{pid}/fd"))

    async def program() -> None:
        async with serving(port_rest_s=0.001) as server:
            (worker,) = server._front.fleet.link.ready()
            one = SessionDescription([PICTURE])

            def counts() -> tuple[int, int]:
                return descriptors(os.getpid()), descriptors(worker.pid)

            gc.collect()  # what other tests have left must not end in the middle of this one
            before, tasks = counts(), len(asyncio.all_tasks())
            for number in range(20):
                streams = [ServerStream(server, one, f"/{number}/{each}") for each in range(50)]
                await asyncio.gather(*(each.open() for each in streams))
                assert counts()[1] >= before[1] + 3 * len(streams)
                for each in streams:
                    each.write_packets_rtp(PICTURE, [WrittenTrack(each, VIDEO).build(100)])
                    await each.drain()
                    each.close()
                await until(lambda: counts() == before, f"the descriptors of before, {before}")
                assert len(asyncio.all_tasks()) <= tasks
            beat = worker.heartbeat
            await until(lambda: worker.heartbeat not in (None, beat), "a heartbeat")
            assert worker.heartbeat is not None
            assert (worker.heartbeat.ports_used, worker.heartbeat.mounts) == (0, 0)
            assert len(server._front.mounts) == 0

    run(program())
