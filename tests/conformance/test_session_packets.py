"""Programs that hear what sessions send, and write to them."""

import asyncio
import os
import signal
import struct
import threading
import time
from typing import Any

import pytest

from router import (
    NotRtp,
    ReceivedPacket,
    ServerStream,
    StreamClosed,
    StreamNotOpen,
    WrongMedia,
    WrongPayloadType,
)
from router.handlers.clients import ServerSession
from router.handlers.contexts import PlayContext, RecordContext, SetupContext
from router.link.worker import Worker
from tests.conformance.test_server_stream import AUDIO, VIDEO, run
from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.rtp import Rtp, build_receiver_report, build_rtp, build_sender_report
from tests.support.sdp import payload_type
from tests.support.streams import DESCRIPTION, arrived, serving, until

TALK = 2
BACK_CHANNEL = "www.onvif.org/ver20/backchannel"


class Recorder:
    """A handler that keeps all packets of all publishers, by media, and of readers that talk back."""

    def __init__(self) -> None:
        self.rtp: dict[int, list[ReceivedPacket]] = {}
        self.rtcp: dict[int, list[ReceivedPacket]] = {}
        self.session: ServerSession | None = None
        self.threads: set[int] = set()

    def on_record(self, context: RecordContext) -> None:
        """Listen to all medias: in a thread, as it is no coroutine function."""
        self.threads.add(threading.get_ident())
        self.session = context.session
        assert context.session.description is not None
        for index, media in enumerate(context.session.description.medias):
            context.session.on_packet_rtp(media, self.rtp.setdefault(index, []).append)
            context.session.on_packet_rtcp(index, self.rtcp.setdefault(index, []).append)

    async def on_play(self, context: PlayContext) -> None:
        """Listen to the back channel, where there is one."""
        self.session = context.session
        try:
            context.session.on_packet_rtp(TALK, self.rtp.setdefault(TALK, []).append)
            context.session.on_packet_rtcp(TALK, self.rtcp.setdefault(TALK, []).append)
        except WrongMedia:
            self.rtp.clear()


def pts_of(packet: ReceivedPacket) -> float:
    assert packet.pts is not None
    return packet.pts


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_program_hears_every_packet_of_a_publisher_and_answers(transport: str) -> None:
    heard = Recorder()

    async def program() -> None:
        async with serving(handler=heard) as server:
            publisher = await asyncio.to_thread(
                Publisher(server.publish_url + "/cam", transport=transport, tracks=2).start
            )
            began = time.monotonic()
            publisher.send(30)
            await until(lambda: all(len(heard.rtp[each]) == 30 for each in (VIDEO, AUDIO)), "all packets")
            for index, track in enumerate(publisher.tracks):
                assert [each.packet for each in heard.rtp[index]] == track.sent
                times = [pts_of(each) for each in heard.rtp[index]]
                assert all(abs(pts - times[0] - number / 30) < 0.002 for number, pts in enumerate(times))
                assert all(each.ntp is None for each in heard.rtp[index])
                assert {each.session for each in heard.rtp[index]} == {publisher.connection.session}
            assert heard.rtp[VIDEO][0].pts == 0
            assert 0 <= pts_of(heard.rtp[AUDIO][0]) <= time.monotonic() - began
            ntp = 1_800_000_000
            for track in publisher.tracks:
                report = build_sender_report(track.ssrc, ntp + 2_208_988_800 << 32, track.next_timestamp, 30, 30)
                publisher.send_rtcp(track.index, report)
            await until(lambda: heard.rtcp[VIDEO] and heard.rtcp[AUDIO], "the reports")
            publisher.send(1)
            await until(lambda: all(len(heard.rtp[each]) == 31 for each in (VIDEO, AUDIO)), "what follows")
            for each in (VIDEO, AUDIO):
                last = heard.rtp[each][-1]
                assert last.ntp is not None
                assert abs(last.ntp - ntp) < 0.001
                assert abs(pts_of(last) - 1) < 0.002, "both medias on one clock"
            session = heard.session
            assert session is not None
            packet = build_rtp(Rtp(payload_type(VIDEO), False, 1, 2, 3, b"back to you"))
            session.write_packet_rtp(VIDEO, packet)
            session.write_packet_rtcp(VIDEO, wish := build_receiver_report(77))
            await asyncio.to_thread(publisher.await_back, VIDEO, packet, wish)
            with pytest.raises(WrongPayloadType):
                session.write_packet_rtp(VIDEO, packet[:1] + b"\x7f" + packet[2:])
            with pytest.raises(NotRtp):
                session.write_packet_rtp(VIDEO, packet[:11])
            assert session.missed_packets == 0
            publisher.send(5)
            if transport == "udp":  # requests overtake what comes on other sockets
                await until(lambda: len(heard.rtp[VIDEO]) == 36, "the last packets")
            await asyncio.to_thread(publisher.teardown)
            await until(lambda: session.state.value == "closed", "the end")
            assert len(heard.rtp[VIDEO]) == 36, "what was sent before TEARDOWN was heard"
            with pytest.raises(StreamClosed):
                session.write_packet_rtp(VIDEO, packet)
            with pytest.raises(StreamClosed):
                session.on_packet_rtp(VIDEO, print)
            publisher.close()
        assert heard.threads
        assert threading.get_ident() not in heard.threads

    run(program())


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_reader_talks_back_to_a_program(transport: str) -> None:
    heard = Recorder()
    on_stream: list[ReceivedPacket] = []

    async def program() -> None:
        async with serving(handler=heard) as server, ServerStream(server, DESCRIPTION, "/door") as stream:
            stream.on_packet_rtp(TALK, on_stream.append)
            with pytest.raises(WrongMedia):
                stream.on_packet_rtp(VIDEO, print)
            reader = Reader(server.client_url + "/door", transport=transport, require=BACK_CHANNEL)
            await asyncio.to_thread(reader.start)
            assert len(reader.controls) == 3
            packets = [build_rtp(Rtp(8, False, n, n * 160, 5, bytes([n]) * 160)) for n in range(1, 4)]
            for packet in packets:
                reader.send(TALK, packet)
            reader.send_rtcp(TALK, report := build_sender_report(5, 9 << 32, 160, 3, 480))
            await until(lambda: len(on_stream) == 3, "what the reader says, at the stream")
            await until(lambda: len(heard.rtp[TALK]) == 3, "and at the session")
            await until(lambda: report in [each.packet for each in heard.rtcp[TALK]], "its report")
            for got in (on_stream, heard.rtp[TALK]):
                assert [each.packet for each in got] == packets
                assert [each.pts for each in got] == [0.0, 0.02, 0.04]
                assert {each.session for each in got} == {reader.connection.session}
            session = heard.session
            assert session is not None
            other = await asyncio.to_thread(Reader(server.client_url + "/door", transport=transport).start)
            alone = build_rtp(Rtp(96, False, 7, 8, 9, b"for you alone"))
            session.write_packet_rtp(VIDEO, alone)
            session.write_packet_rtcp(VIDEO, build_receiver_report(9))
            await arrived(reader, VIDEO, 1)
            assert reader.tracks[VIDEO].packets == [alone]
            other.pump()
            assert not other.tracks[VIDEO].packets
            for each in (reader, other):
                each.close()

    run(program())


def test_a_reader_talks_back_to_a_publisher() -> None:
    sdp = b"".join(
        [
            b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:streamid=0\r\n",
            b"m=audio 0 RTP/AVP 8\r\na=sendonly\r\na=control:streamid=1\r\n",
        ]
    )

    async def program() -> None:
        async with serving() as server:
            publisher = Publisher(server.publish_url + "/cam", tracks=2, sdp=sdp)
            await asyncio.to_thread(publisher.start)
            listener = await asyncio.to_thread(Reader(server.client_url + "/cam").start)
            assert len(listener.controls) == 1, "who does not ask for it does not see it"
            talker = Reader(server.client_url + "/cam", require=BACK_CHANNEL)
            await asyncio.to_thread(talker.start)
            talker.send(1, packet := build_rtp(Rtp(8, False, 1, 2, 3, b"hello")))
            talker.send_rtcp(1, report := build_sender_report(3, 9, 2, 1, 5))
            await asyncio.to_thread(publisher.await_back, 1, packet, report)
            for each in (listener, talker, publisher):
                each.close()

    run(program())


def test_what_a_session_cannot_do_is_said() -> None:
    sessions: list[ServerSession] = []

    class Handler:
        async def on_setup(self, context: SetupContext) -> None:
            await context.default()
            assert context.session is not None
            sessions.append(context.session)

    async def program() -> None:
        async with serving(handler=Handler()) as server, ServerStream(server, DESCRIPTION, "/door"):
            reader = Reader(server.client_url + "/door")
            await asyncio.to_thread(reader.describe)
            await asyncio.to_thread(reader.set_up, VIDEO)
            (session,) = sessions
            packet = build_rtp(Rtp(96, False, 1, 2, 3, b""))
            with pytest.raises(StreamNotOpen):
                session.write_packet_rtp(VIDEO, packet)
            with pytest.raises(WrongMedia, match="no back channel"):
                session.on_packet_rtp(VIDEO, print)
            with pytest.raises(WrongMedia, match="none of the 3"):
                session.on_packet_rtp(3, print)
            await asyncio.to_thread(reader.play)
            await until(lambda: session.state.value == "playing", "PLAY")
            with pytest.raises(WrongMedia, match="not set up"):
                session.write_packet_rtp(AUDIO, packet)
            reader.close()

    run(program())


def test_a_mount_that_a_program_hears_moves_and_nothing_is_missed() -> None:
    heard = Recorder()

    async def program() -> None:
        async with serving(handler=heard, workers=2) as server:
            publisher = await asyncio.to_thread(Publisher(server.publish_url + "/cam", tracks=2).start)
            publisher.send(1)
            await until(lambda: heard.rtp.get(AUDIO), "the first packets")
            mount = server._front.mounts.get("/cam")
            assert mount is not None
            source = mount.worker
            (target,) = [each for each in server._front.fleet.link.ready() if each is not source]
            assert isinstance(source, Worker)
            move = asyncio.create_task(server._front.fleet.mover.move([mount], source, target, reason="a test"))
            while not move.done():
                publisher.send(1)
                await asyncio.sleep(0.001)
            await move
            publisher.send(3)
            for index in (VIDEO, AUDIO):
                await until(lambda: len(heard.rtp[VIDEO]) == len(publisher.tracks[VIDEO].sent), "all pictures")
                await until(lambda: len(heard.rtp[AUDIO]) == len(publisher.tracks[AUDIO].sent), "all sound")
                track = publisher.tracks[index]
                assert [each.packet for each in heard.rtp[track.index]] == track.sent
            assert heard.session is not None
            heard.session.write_packet_rtcp(VIDEO, wish := build_receiver_report(77))
            packet = build_rtp(Rtp(payload_type(VIDEO), False, 1, 2, 3, b"back to you"))
            heard.session.write_packet_rtp(VIDEO, packet)
            await asyncio.to_thread(publisher.await_back, VIDEO, packet, wish)
            publisher.close()

    run(program())


def test_a_program_hears_a_publisher_again_whose_worker_died() -> None:
    heard = Recorder()

    async def program() -> None:
        async with serving(handler=heard, workers=2) as server:
            publisher = await asyncio.to_thread(Publisher(server.publish_url + "/cam").start)
            publisher.send(1)
            await until(lambda: heard.rtp.get(VIDEO), "the first packet")
            mount = server._front.mounts.get("/cam")
            assert mount is not None
            worker = mount.worker
            assert isinstance(worker, Worker)
            os.kill(worker.pid, signal.SIGKILL)

            def heard_again() -> bool:
                publisher.send(1)
                return heard.rtp[VIDEO][-1].packet in publisher.tracks[VIDEO].sent[5:]

            await until(heard_again, "packets by another worker")
            publisher.close()

    run(program())


def test_a_stream_without_a_path_is_given_out_by_handlers() -> None:
    class Handler:
        stream: ServerStream | None = None

        def on_describe(self, context: object) -> ServerStream | None:
            return self.stream

        on_setup = on_describe

    handler = Handler()

    async def program() -> None:
        async with serving(handler=handler) as server, ServerStream(server, DESCRIPTION) as stream:
            handler.stream = stream
            reader = await asyncio.to_thread(Reader(server.client_url + "/anything?at=all").start)
            stream.write_packets_rtp(VIDEO, [packet := build_rtp(Rtp(96, True, 1, 2, 3, b"made"))])
            await arrived(reader, VIDEO, 1)
            assert reader.tracks[VIDEO].packets == [packet]
            stream.close()
            await asyncio.to_thread(reader.wait_ended)
            reader.close()

    run(program())


def test_threads_may_write_too() -> None:
    async def program() -> None:
        async with serving() as server, ServerStream(server, DESCRIPTION, "/made") as stream:
            reader = await asyncio.to_thread(Reader(server.client_url + "/made").start)
            packets = [build_rtp(Rtp(96, True, n, n * 3000, 3, struct.pack(">I", n))) for n in range(20)]
            for packet in packets:
                await asyncio.to_thread(stream.write_packet_rtp, VIDEO, packet)
            await arrived(reader, VIDEO, 20)
            assert reader.tracks[VIDEO].packets == packets
            reader.close()

    run(program())


def test_a_thread_that_writes_to_a_stream_as_that_is_closed_hears_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def program() -> None:
        async with serving() as server, ServerStream(server, DESCRIPTION, "/made") as stream:
            raised: list[BaseException] = []
            burst = [build_rtp(Rtp(96, True, n, 0, 3, bytes(300 + n % 2))) for n in range(3000)]  # of many messages

            def write() -> None:
                try:
                    stream.write_packets_rtp(VIDEO, burst)
                except BaseException as error:
                    raised.append(error)

            called = threading.Event()
            loop = asyncio.get_running_loop()
            call_soon = loop.call_soon_threadsafe

            def note(*arguments: Any) -> Any:
                handle = call_soon(*arguments)
                called.set()
                return handle

            monkeypatch.setattr(loop, "call_soon_threadsafe", note)
            thread = threading.Thread(target=write, daemon=True)
            thread.start()
            assert called.wait(10)  # its turn comes after this one's
            stream.close()
            await asyncio.to_thread(thread.join, 10)
            assert [type(each) for each in raised] == [StreamClosed]

    run(program())
