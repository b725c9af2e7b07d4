"""One track of one reader: what every transport does, and what its session asks of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workers.channel import Kind
from workers.contract.image import ReaderImage, ReaderTrackImage
from workers.readers.ways import WayPair
from workers.runtime.counters import Drop
from workers.runtime.resources import Resources
from workers.streams.ingest import fault_of
from workers.streams.track import MountTrack


@dataclass(frozen=True, slots=True)
class ReaderContext:
    """What the tracks of one reader know of their session."""

    state: ReaderImage
    path: str
    resources: Resources
    on_sign: Callable[[float], None]
    """Told when the session shows that it lives."""


class ReaderTransport:
    """One track of a reader, by whichever transport. Registered from SETUP on, sent to from PLAY on."""

    def __init__(self, state: ReaderTrackImage, track: MountTrack, reader: ReaderContext) -> None:
        self.state = state
        self.track = track
        self._reader = reader
        self._ways: WayPair[Any] | None = None
        """None where it can't be sent to now, and of multicast readers."""

    @property
    def packets_out(self) -> int:
        """Packets sent to it, or queued."""
        if self._ways is not None:
            return self._ways.packets_out
        return self.state.rtp.sent + self.state.rtcp.sent - self.dropped

    @property
    def dropped(self) -> int:
        """Packets meant for it and not sent."""
        return self.state.rtp.dropped + self.state.rtcp.dropped

    def open_gate(self, now: float) -> None:
        """Let media flow, after the publisher's last sender report."""
        if self._ways is not None:
            self._ways.open(now)

    def go_on(self, now: float) -> None:
        """Let media flow as another worker did."""
        if self._ways is not None:
            self._ways.go_on(now)

    def close_gate(self) -> None:
        """Let no more media flow."""
        if self._ways is not None:
            self._ways.close()

    def forget(self) -> None:
        """Give up everything."""
        self.close_gate()

    def write(self, kind: Kind, packet: bytes, now: float) -> bool:
        """Send a packet to this reader alone; False if it can't be reached."""
        if self._ways is not None:
            self._ways.write(kind, packet, now)
        return self._ways is not None

    def take_rtcp(self, packet: bytes, now: float) -> None:
        """Take what the reader sent on its RTCP way."""
        self._reader.on_sign(now)
        session = self._reader.state.session
        self.state.reported_lost = self.track.feedback.take_rtcp(packet, self.state.reported_lost, session, now)

    def take_rtp(self, packet: bytes, now: float) -> None:
        """Take what the reader sent on its RTP way: media, on a back channel of a reader that plays."""
        feedback, reader = self.track.feedback, self._reader.state
        if not feedback.back_channel:
            return
        fault = fault_of(packet, self.track.stream.announced)
        if fault is None and not reader.playing:
            fault = Drop.WRONG_SOURCE
        if fault is not None:
            self._reader.resources.counters.drop(fault)
        else:
            feedback.take_rtp(packet, reader.session, now)
