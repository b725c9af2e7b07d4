"""`ServerStream`: a mount whose publisher is the program itself. Its packets go to a worker in bursts, never fanned out
here."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from router.description import Media, SessionDescription
from router.rtsp import sdp
from router.rtsp.session_state import SessionState
from router.state.mounts import Mount
from router.streams.callbacks import Callback, PacketCallbacks
from router.streams.errors import CannotReload, StreamFull, WrongMedia
from router.streams.packets import DEFAULT_PACKET_BYTES, LARGEST_PACKET_BYTES, checked_rtcp, checked_runs
from router.streams.publication import StreamPublication
from router.streams.stats import MediaStats, StreamStats
from router.streams.streams import StreamServer, checked_path
from router.streams.threads import call_in
from workers.channel import MOST_NTP, ChannelBurst, Kind, encode
from workers.contract.parts import MAX_TRACKS
from workers.rtp.packet import FIXED_HEADER_BYTES, second_bytes


@dataclass(slots=True)
class _Written:
    """What was written of one media; `announced` are the second bytes that its packets may have."""

    announced: bytes
    back_channel: bool
    packets: int = 0
    bytes: int = 0
    rtcp_packets: int = 0


class ServerStream:
    """A stream that a program writes, carried by one of a server's workers like any other.

    With a `path` it is there for readers; without, handlers give it out. One that is made before its server starts is
    open when the first client is let in; later, `await stream.open()` or `async with stream:` opens it. All is to be
    called in the server's event loop, where nothing but `open` and `drain` waits; what writes and what closes may
    also be called from other threads, those of sync handlers among them, where it waits for the event loop.
    """

    def __init__(
        self,
        server: StreamServer,
        description: SessionDescription,
        path: str | None = None,
        *,
        max_packet_bytes: int = DEFAULT_PACKET_BYTES,
    ) -> None:
        """Make a stream of what `description` says, a track for each media.

        Raises:
            ValueError: the path is none that a URL can have, or no UDP packet is that large.
        """
        if not FIXED_HEADER_BYTES <= max_packet_bytes <= LARGEST_PACKET_BYTES:
            raise ValueError(f"max_packet_bytes is {max_packet_bytes}, allowed: 12 to {LARGEST_PACKET_BYTES}")
        self.server = server
        """The server that carries it."""
        self.id = secrets.token_hex(8)
        """Names the stream in logs and in `trunkline status`, as a session's id names a publisher."""
        self.path = None if path is None else checked_path(path)
        self._streams = server.streams
        self._max_packet_bytes = max_packet_bytes
        self._describe(description)
        self._written = [
            _Written(second_bytes(tuple(each.payload_type for each in media.formats)), media.back_channel)
            for media in description.medias
        ]
        self._listeners = PacketCallbacks([each.clock_rates for each in self._parsed.medias])
        self._publication = StreamPublication(self.id, self.path, self._streams, self._take)
        self._dropped = 0
        self._streams.add(self)

    # -- life ------------------------------------------------------------------------------------------------------

    @property
    def description(self) -> SessionDescription:
        """What the stream consists of."""
        return self._description

    @property
    def mount(self) -> Mount | None:
        """What carries it in the server, for handlers that give it out; None while it is not open."""
        mount = self._publication.mount
        return None if mount is None or not mount.readable else mount

    @property
    def closed(self) -> bool:
        """Whether it has ended; it can't be opened again."""
        return self._publication.ended

    async def open(self) -> None:
        """Get a worker and ports; harmless if it has them.

        Raises:
            PathTaken: another stream or publisher has the path.
            StreamNotPlaced: no worker is there or has the ports, or the server's limits don't allow it.
            StreamClosed: it was closed, perhaps meanwhile.
        """
        await self._publication.open(self._parsed)

    def close(self) -> None:
        """End the stream: its readers leave at once. Harmless if it has ended."""
        call_in(self._publication.loop, lambda: self._publication.close("closed by its program"))

    async def __aenter__(self) -> Self:
        """Open."""
        try:
            await self.open()
        except asyncio.CancelledError:
            self.close()  # nobody is left who would
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    # -- writing ---------------------------------------------------------------------------------------------------

    def write_packet_rtp(self, media: Media | int, packet: bytes) -> None:
        """Send one RTP packet to all readers: see `write_packets_rtp`, which is the fast way."""
        self._write_rtp(media, (packet,), time.time())

    def write_packets_rtp(self, media: Media | int, packets: Sequence[bytes], *, ntp: float | None = None) -> None:
        """Send a burst of RTP packets to all readers, such as those of one picture.

        `media` is one of the description's, or its index. The last packet's content was there at `ntp`, in Unix
        seconds: sender reports say so; without it, they take the moment of the call. All or nothing is sent.

        Raises:
            ValueError: `ntp` is no time.
            TypeError: `packets` is one packet, or no sequence.
            NotRtp, PacketTooLarge, WrongPayloadType: a packet is wrong, and says its index.
            WrongMedia: the media is not in the description, or is a back channel.
            StreamFull: too much waits for the worker.
            StreamNotOpen, StreamClosed: it is not the time for it.
        """
        if ntp is not None:
            _check_ntp(ntp)
        self._write_rtp(media, packets, time.time() if ntp is None else ntp)

    def write_packet_rtp_with_ntp(self, media: Media | int, packet: bytes, ntp: float) -> None:
        """Send one RTP packet whose content was there at `ntp`, in Unix seconds: sender reports say so.

        Raises as `write_packets_rtp` does, and ValueError where `ntp` is no time.
        """
        self.write_packets_rtp(media, (packet,), ntp=ntp)

    def write_packet_rtcp(self, media: Media | int, packet: bytes) -> None:
        """Send one RTCP packet, or a compound, to all readers. After a sender report none is made for this media.

        Raises as `write_packets_rtp` does, with NotRtcp in the place of NotRtp.
        """
        track = self._outgoing(media)
        messages = encode(Kind.RTCP, track, checked_rtcp(packet, self._max_packet_bytes))

        def send() -> None:
            if self._send(messages, 1):
                self._written[track].rtcp_packets += 1

        call_in(self._publication.loop, send)

    def _write_rtp(self, media: Media | int, packets: Sequence[bytes], ntp: float) -> None:
        track = self._outgoing(media)
        written = self._written[track]
        try:
            runs = checked_runs(packets, written.announced, self._max_packet_bytes)
        except TypeError as error:
            raise TypeError(
                f"packets is a {type(packets).__name__}, not a list of packets as bytes: {error}"
            ) from error
        messages = encode(Kind.RTP, track, runs, ntp=ntp)

        def send() -> None:
            if messages and self._send(messages, len(packets)):
                written.packets += len(packets)
                written.bytes += sum([len(data) for data, _, _ in runs])

        call_in(self._publication.loop, send)

    def _send(self, messages: list[bytes], packets: int) -> bool:
        """Hand messages to the worker; False where there is none at the moment."""
        pipe = self._publication.pipe
        if pipe is None:
            self._publication.check_open()
            self._dropped += packets
            return False
        if not pipe.send(messages):
            raise StreamFull(f"{pipe.queued_bytes} bytes of {self._publication.name} wait for its worker")
        return True

    def _outgoing(self, media: Media | int) -> int:
        track = self._track_of(media)
        if self._written[track].back_channel:
            raise WrongMedia(f"media {track} is a back channel: readers send on it")
        return track

    def _track_of(self, media: Media | int) -> int:
        if isinstance(media, Media):
            track = self._tracks.get(id(media))  # by identity first: comparing goes through all formats
            if track is None and media in self._description.medias:
                track = list(self._description.medias).index(media)
        else:
            track = media
        if type(track) is not int or not 0 <= track < len(self._written):
            raise WrongMedia(f"{media!r:.120} is none of the {len(self._written)} medias of {self._publication.name}")
        return track

    async def drain(self) -> None:
        """Wait until the worker has taken what was written, and let others have their turn.

        Raises:
            StreamClosed: it was closed.
        """
        await asyncio.sleep(0)  # a program that only writes and drains would stop everything else of its server
        if self._publication.pipe is not None:
            await self._publication.pipe.drain()
        self._publication.check_ended()

    # -- what readers send -----------------------------------------------------------------------------------------

    def on_packet_rtp(self, media: Media | int, callback: Callback) -> Callable[[], None]:
        """Call back with each RTP packet that readers send on a back channel; gives a function that ends that.

        Raises:
            WrongMedia: the media is not in the description, or is no back channel.
        """
        track = self._track_of(media)
        if not self._written[track].back_channel:
            raise WrongMedia(f"media {track} is no back channel: readers send no RTP on it")
        return self._listeners.add(Kind.RTP, track, callback)

    def on_packet_rtcp(self, media: Media | int, callback: Callback) -> Callable[[], None]:
        """Call back with RTCP that readers send on a back channel, and with their requests for a whole picture; gives a
        function that ends that. Such a request (RFC 4585 PLI, RFC 5104 FIR) comes at most twice a second.

        Raises:
            WrongMedia: the media is not in the description.
        """
        return self._listeners.add(Kind.RTCP, self._track_of(media), callback)

    def _take(self, burst: ChannelBurst) -> None:
        self._listeners.take(burst, burst.session, asyncio.get_running_loop().time())

    # -- its readers -----------------------------------------------------------------------------------------------

    @property
    def playing(self) -> int:
        """How many readers play at the moment; `stats().readers` counts those too that pause or have not begun."""
        readers = self._streams.readers_of(self._publication.mount)
        return sum(each.state is SessionState.PLAYING for each in readers)

    async def readers_changed(self) -> None:
        """Wait until a reader begins to play or leaves, for programs that make media only where somebody watches.

        Raises:
            StreamClosed: it was closed.
        """
        await self._publication.wait_readers()

    def close_readers(self, reason: str) -> None:
        """Let all readers go, for `reason`, which the log says; others may come."""

        def close() -> None:
            for each in self._streams.readers_of(self._publication.mount):
                self._streams.lifecycle.close_session(each, reason)

        call_in(self._publication.loop, close)

    # -- what it is ------------------------------------------------------------------------------------------------

    def reload_description(self, description: SessionDescription) -> None:
        """Describe the stream otherwise to readers that come from now on: another title, other parameters.

        Raises:
            CannotReload: it has other medias, directions, payload types or clock rates: those take another stream.
            StreamClosed: it was closed.
        """
        self._publication.check_ended()
        before, after = (
            [_nature(each) for each in medias] for medias in (self._description.medias, description.medias)
        )
        if before != after:
            raise CannotReload(f"the medias of {self._publication.name} are {before}, the new ones {after}")
        self._describe(description)
        if self._publication.mount is not None:
            self._publication.mount.describe(self._parsed)

    def _describe(self, description: SessionDescription) -> None:
        self._description = description
        self._parsed = sdp.parse_sdp(description.to_sdp(), MAX_TRACKS)
        self._tracks = {id(media): index for index, media in enumerate(description.medias)}

    def stats(self) -> StreamStats:
        """Count what was written, and its readers."""
        readers = [set(each.transports) for each in self._streams.readers_of(self._publication.mount)]
        medias = tuple(
            MediaStats(each.packets, each.bytes, each.rtcp_packets, sum(index in tracks for tracks in readers))
            for index, each in enumerate(self._written)
        )
        pipe = self._publication.pipe
        return StreamStats(
            packets=sum(each.packets for each in medias),
            bytes=sum(each.bytes for each in medias),
            dropped=self._dropped,
            missed=self._publication.missed + (pipe.missed if pipe is not None else 0),
            queued_bytes=pipe.queued_bytes if pipe is not None else 0,
            readers=len(readers),
            medias=medias,
        )

    def __repr__(self) -> str:
        return f"<ServerStream {self._publication.name}>"


def _check_ntp(ntp: float) -> None:
    try:
        is_time = 0 < ntp <= MOST_NTP
    except TypeError:  # a datetime, such as other libraries take
        is_time = False
    if not is_time:
        raise ValueError(f"ntp is {ntp!r}, not Unix seconds")


def _nature(media: Media) -> tuple[str, bool, tuple[tuple[int, int], ...]]:
    """Give what must stay while a stream is open: the worker and its readers have been told."""
    return media.kind, media.back_channel, tuple((each.payload_type, each.clock_rate) for each in media.formats)
