"""Streams that a test's own program writes: packets that prove who they are, and a server to read them from."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from router import Server, ServerStream
from router.description import G711, H264, Media, SessionDescription
from tests.support.ports import PortSlice
from tests.support.publisher import PublishedTrack
from tests.support.reader import Reader, check_run
from tests.support.rtp import Rtp, Stamp, build_payload, build_rtp, parse_rtcp
from tests.support.waiting import Deadline

PICTURE = Media("video", [H264(payload_type=96)])
SOUND = Media("audio", [G711(payload_type=0, mu_law=True)])
TALK_BACK = Media("audio", [G711(payload_type=8, mu_law=False)], back_channel=True)
DESCRIPTION = SessionDescription([PICTURE, SOUND, TALK_BACK])


class WrittenTrack(PublishedTrack):
    """A track that is written by a program."""

    def __init__(self, stream: ServerStream, index: int) -> None:
        super().__init__(stream.path or "/", index)
        self._stream = stream
        self._type = stream.description.medias[index].formats[0].payload_type

    def build(self, size: int) -> bytes:
        """Make the next packet, of `size` bytes."""
        payload = build_payload(Stamp(self.mount, self.index, self.counter), size - 12)
        packet = Rtp(self._type, True, self.next_sequence, self.next_timestamp, self.ssrc, payload)
        self.counter += 1
        return build_rtp(packet)

    def write(self, packets: int, size: int = 400) -> None:
        """Write a burst."""
        burst = [self.build(size) for _ in range(packets)]
        self.sent += burst
        self._stream.write_packets_rtp(self.index, burst)


def check(reader: Reader, *tracks: WrittenTrack) -> None:
    """Assert that a reader got gapless runs of what was written, in order, byte for byte."""
    for track in tracks:
        check_run(reader.tracks[track.index].packets, track.sent, f"{reader.url} track {track.index}")


@asynccontextmanager
async def serving(prepare: Callable[[Server], None] | None = None, **values: Any) -> AsyncIterator[Server]:
    """Run a server with ports of its own; `prepare` is called before it starts."""
    with PortSlice.claim() as ports:
        values = {"workers": 1, "port_rest_s": 0.2, **values}
        server = Server(
            host="127.0.0.1",
            publish_port=0,
            client_port=0,
            rtp_port_start=ports.media_start,
            rtp_port_count=ports.media_count,
            **values,
        )
        if prepare is not None:
            prepare(server)
        async with server:
            yield server


async def until(fact: Callable[[], object], what: str, timeout_s: float = 15.0) -> None:
    """Wait until something is so, while the event loop turns."""
    deadline = Deadline(timeout_s)
    while not fact():
        assert not deadline.passed, f"not within {timeout_s:g} s: {what}"
        await asyncio.sleep(0.01)


async def arrived(reader: Reader, track: int, packets: int) -> None:
    """Wait until a reader has so many packets of a track."""

    def there() -> bool:
        reader.pump()
        return len(reader.tracks[track].packets) >= packets

    await until(there, f"{packets} packets at {reader.url}, track {track}")


async def reported(reader: Reader, track: int, kind: int) -> None:
    """Wait until a reader has RTCP of a kind on a track."""

    def there() -> bool:
        reader.pump()
        return any(each.kind == kind for packet in reader.tracks[track].reports for each in parse_rtcp(packet))

    await until(there, f"RTCP of kind {kind} at {reader.url}, track {track}")
