"""What the readers of a track send: reports and wishes for its publisher, media on a back channel."""

from workers.channel import Kind
from workers.rtp import rtcp
from workers.runtime.counters import Counters, Drop
from workers.streams.outputs import SessionSink
from workers.streams.reports import lost_by_reader
from workers.streams.stream import Stream


class Feedback:
    """The readers' side of one stream, where its publisher is known."""

    def __init__(self, stream: Stream, counters: Counters) -> None:
        self._stream = stream
        self._counters = counters
        self.back_channel = stream.state.spec.back_channel
        self.listeners: list[SessionSink] = []
        """Who gets what readers send."""

    def take_rtcp(self, packet: bytes, lost_before: int, session: str, now: float) -> int:
        """Take a reader's compound packet; `lost_before` and the result are the losses that it has reported."""
        parts = rtcp.split(packet)
        if parts is None:
            self._counters.drop(Drop.NOT_RTP)
            return lost_before
        self._pass_on(packet, parts, session, now)
        lost = lost_by_reader(parts, lost_before)
        self._counters.drop(Drop.READER_REPORTED, max(0, lost - lost_before))
        return lost

    def take_rtp(self, packet: bytes, session: str, now: float) -> None:
        """Take RTP that a reader sent on a back channel: media for the publisher."""
        self._counters.packets_in += 1
        self._counters.bytes_in += len(packet)
        self._tell(Kind.RTP, packet, session, now)

    def take_replicas(self, kind: Kind, packet: bytes, session: str, now: float) -> None:
        """Take what a reader has sent to a replica, where its losses were counted already."""
        if kind is Kind.RTP:
            self._tell(Kind.RTP, packet, session, now)
        elif (parts := rtcp.split(packet)) is not None:
            self._pass_on(packet, parts, session, now)

    def _pass_on(self, packet: bytes, parts: list[rtcp.Part], session: str, now: float) -> None:
        self._tell(Kind.RTCP, packet, session, now)
        self.pass_wishes_on(parts, now)

    def _tell(self, kind: Kind, packet: bytes, session: str, now: float) -> None:
        for each in self.listeners:
            each.send_for(kind, packet, session)
        if self.back_channel:
            self._stream.send_to_publisher(kind, packet, now, session)

    def pass_wishes_on(self, parts: list[rtcp.Part], now: float) -> None:
        """Send what readers ask for to the publisher, now and then."""
        stream = self._stream
        for wish in stream.reports.picture_requests(parts, now):
            succession = stream.numbers.succession
            told = wish if succession is None else succession.to_publisher(wish)
            stream.send_to_publisher(Kind.RTCP, stream.reports.request(told), now)


class ReplicaFeedback(Feedback):
    """The readers' side at a replica: all that they say goes to the owner, which knows the publisher."""

    def _pass_on(self, packet: bytes, parts: list[rtcp.Part], session: str, now: float) -> None:
        self._stream.send_to_publisher(Kind.RTCP, packet, now, session)
