"""One track of one reader: what every transport does, and what its session asks of it."""

from typing import TYPE_CHECKING, Protocol

from workers.channel import Kind
from workers.contract.image import ReaderTrackImage
from workers.contract.parts import InterleavedTransport, MulticastTransport, TrackTransport, UdpTransport
from workers.runtime.counters import Drop
from workers.streams.ingest import fault_of
from workers.streams.track import Track

if TYPE_CHECKING:
    from workers.readers.reader import Reader


class Held(Protocol):
    """One track of a reader, by whichever transport."""

    @property
    def transport(self) -> UdpTransport | InterleavedTransport | MulticastTransport:
        """What its front has said."""

    @property
    def packets_out(self) -> int:
        """Packets sent to it."""

    @property
    def dropped(self) -> int:
        """Packets meant for it and not sent."""

    def open_gate(self, now: float) -> None:
        """Let media flow."""

    def close_gate(self) -> None:
        """Let no more media flow."""

    def forget(self) -> None:
        """Give up everything."""

    def write(self, kind: Kind, packet: bytes, now: float) -> bool:
        """Send a packet to this reader alone; False if it can't be reached."""

    def image(self) -> ReaderTrackImage:
        """Say all that is known, for another worker."""

    def restore(self, image: ReaderTrackImage) -> None:
        """Go on where another worker has stopped."""

    def reopen_gate(self, image: ReaderTrackImage, now: float) -> None:
        """Let media flow as another worker did."""


class ReaderTrack:
    """One track of one reader."""

    def __init__(self, reader: "Reader", track: Track) -> None:
        self.reader = reader
        self.track = track
        self.reported_lost = 0

    def take_rtcp(self, packet: bytes, now: float) -> None:
        """Take what the reader sent on its RTCP way."""
        self.reader.hear(now)
        self.reported_lost = self.track.take_reader_rtcp(packet, self.reported_lost, self.reader.session, now)

    def take_rtp(self, packet: bytes, now: float) -> None:
        """Take what the reader sent on its RTP way: media, on a back channel of a reader that plays."""
        if not self.track.back_channel:
            return
        fault = fault_of(packet, self.track.announced)
        if fault is None and not self.reader.playing:
            fault = Drop.WRONG_SOURCE
        if fault is not None:
            self.reader.counters.drop(fault)
        else:
            self.track.take_reader_rtp(packet, self.reader.session, now)


def plain_image(transport: TrackTransport, packets_out: int, dropped: int, reported_lost: int) -> ReaderTrackImage:
    """Make the image of a track without addresses of its own."""
    return ReaderTrackImage(
        transport=transport,
        packets_out=packets_out,
        dropped=dropped,
        reported_lost=reported_lost,
        rtp_address=None,
        rtcp_address=None,
        rtp_heard=False,
        rtcp_heard=False,
        refuses_segments=False,
        catching_up=None,
    )
