"""A file published to an RTSP server, in real time."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, aclosing, asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from router.description import SessionDescription
from router.files.ahead import read_ahead
from router.files.pace import Numbers, Pace
from router.files.playback import FramePackets, Playback, Progress, in_due_order
from router.remote import RemoteSession, bind_pair
from router.rtsp.client import ClientOptions, Offer, RemoteTrack, ServerBroken, ServerError, ServerGone
from router.rtsp.errors import LocalError
from workers.framing import frame
from workers.rtp.rtcp import sender_report

REPORT_EVERY_S = 5.0
"""As ffmpeg does: whoever joins late knows soon which sound belongs to which picture."""
OPTIONS = ClientOptions(answer_timeout_s=10.0, fall_back=False)
"""A server that asks its own hooks takes a while. The transport is the user's choice."""
_CNAME = "trunkline-publish"
_RTP_HEADER_BYTES = 12

UdpPair = tuple[socket.socket, socket.socket]


class PublishError(Exception):
    """The server could not be reached, refused the file, or is gone; the text says which."""


class Publication:
    """Publishes one file to one URL; `progress` and `duration_s` (0 where unknown) may be read at any time."""

    def __init__(self, path: Path, url: str, transport: str = "tcp") -> None:
        """Take the URL, whose credentials are used and never shown; `transport` is `tcp` or `udp`.

        Raises:
            PublishError: it is no RTSP URL.
        """
        self.path = path
        self.progress = Progress()
        self.duration_s = 0.0
        self._udp = transport == "udp"
        try:
            self._remote = RemoteSession(url, OPTIONS)
        except LocalError as error:
            raise PublishError(f"the URL must be rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH: {error.reason}") from error
        self.shown_url = self._remote.session.url
        if not self.shown_url.startswith("rtsp:"):
            raise PublishError("the URL must be rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH")

    async def run(
        self, stop: asyncio.Event, *, loop: bool = False, connected: Callable[[], None] = lambda: None
    ) -> None:
        """Send the file once, or with `loop` again and again, until `stop` is set; then leave the server in order.

        `connected` is called once the server has accepted it.

        Raises:
            FileError: the file can't be sent.
            PublishError: the server can't be reached, refuses it, or is gone.
        """
        with ThreadPoolExecutor(1, "file") as reader:
            playback = await asyncio.get_running_loop().run_in_executor(reader, Playback, self.path)
            self.duration_s = playback.duration_s
            try:
                async with self._published(playback.description) as tracks:
                    connected()
                    sending = self._send(reader, playback, tracks, loop)
                    await _first_of(sending, self._stay(), stop.wait())
                    await self._remote.teardown()
            except ServerError as error:
                raise PublishError(f"{self.shown_url}: {_explain(error)}") from error
            except OSError as error:  # of a UDP socket: no route, a firewall, no port left
                raise PublishError(f"{self.shown_url}: {error.strerror or error}") from error
            finally:
                reader.submit(playback.close)

    @asynccontextmanager
    async def _published(self, description: SessionDescription) -> "AsyncIterator[list[_SentTrack]]":
        medias = [replace(each, control=f"streamid={index}") for index, each in enumerate(description.medias)]
        body = replace(description, medias=medias).to_sdp()
        async with self._remote as remote:
            with (
                _udp_pairs(remote.local_host, len(medias)) if self._udp else nullcontext([None] * len(medias)) as pairs
            ):
                recording = await remote.publish(body, [Offer(index, _ports(each)) for index, each in enumerate(pairs)])
                tracks = zip(recording.tracks, medias, pairs, strict=True)
                yield [_SentTrack(remote, track, media.formats[0].clock_rate, pair) for track, media, pair in tracks]

    async def _send(
        self, reader: ThreadPoolExecutor, playback: Playback, tracks: "list[_SentTrack]", loop: bool
    ) -> None:
        ahead = read_ahead(reader, in_due_order(playback.bursts(loop=loop)))
        pace: Pace | None = None
        async with aclosing(ahead):
            async for burst in ahead:
                pace = pace or Pace(burst.due, time.monotonic(), time.time())
                await asyncio.sleep(max(0.0, pace.wait_s(burst.due, time.monotonic())))
                await tracks[burst.media].send(burst, pace)
                if burst.progress.frames > self.progress.frames:
                    self.progress = burst.progress

    async def _stay(self) -> None:
        await self._remote.run()
        raise ServerGone(503, "it ended the session")


class _SentTrack:
    """One track on its way to the server: over the connection, or over sockets of its own."""

    def __init__(self, remote: RemoteSession, track: RemoteTrack, clock_rate: int, pair: UdpPair | None) -> None:
        self._remote = remote
        self._numbers = Numbers(clock_rate)
        self._channels = track.transport.interleaved
        self._pair = pair
        if pair is not None:
            if track.transport.server_port is None:
                raise ServerBroken(502, "it doesn't say to which ports the packets go", "SETUP")
            for each, port in zip(pair, track.transport.server_port, strict=True):
                each.connect((remote.host, port))
        self._packets = self._octets = 0
        self._report_at = 0.0

    async def send(self, burst: FramePackets, pace: Pace) -> None:
        """Send a frame's packets, with a report before them now and then."""
        packets = self._numbers.stamped(burst.packets, pace)
        if time.monotonic() >= self._report_at:
            self._report_at = time.monotonic() + REPORT_EVERY_S
            last = packets[-1]
            ssrc, rtp_time = int.from_bytes(last[8:12]), int.from_bytes(last[4:8])
            ntp = pace.ntp(burst.time)
            await self._write(1, [sender_report(ssrc, ntp, rtp_time, self._packets, self._octets, _CNAME)])
        await self._write(0, packets)
        self._packets += len(packets)
        self._octets += sum(map(len, packets)) - _RTP_HEADER_BYTES * len(packets)

    async def _write(self, which: int, packets: Sequence[bytes]) -> None:
        if self._pair is None:
            assert self._channels is not None
            await self._remote.send(b"".join([frame(self._channels[which], each) for each in packets]))
            return
        for each in packets:
            with suppress(ConnectionRefusedError):  # of one packet; the connection tells when the server is gone
                await asyncio.get_running_loop().sock_sendall(self._pair[which], each)


@contextmanager
def _udp_pairs(host: str, count: int) -> "Iterator[Sequence[UdpPair | None]]":
    with ExitStack() as stack:
        pairs = [bind_pair(host) for _ in range(count)]
        for pair in pairs:
            for each in pair:
                stack.enter_context(each)
        yield pairs


def _ports(pair: UdpPair | None) -> tuple[int, int] | None:
    return None if pair is None else (pair[0].getsockname()[1], pair[1].getsockname()[1])


async def _first_of(*work: Coroutine[Any, Any, object]) -> None:
    """Wait until one is done, end the others, and raise what it raised."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for each in done:
        each.result()


def _explain(error: ServerError) -> str:
    if error.status == 401:
        return "it wants credentials, or others (401): rtsp://USER:PASSWORD@HOST/PATH"
    if isinstance(error, ServerGone):
        return error.reason
    return f"it refuses {error.method}: {error.status} ({error.reason})"
