"""Both ways, RTP and RTCP, by which a track goes to one reader, or to a group."""

from collections.abc import Sequence
from typing import Generic

from workers.channel import Kind
from workers.contract.image import DeliveryImage
from workers.streams.outputs import Fan, Member
from workers.streams.stream import Stream


class WayPair(Generic[Member]):
    """A member in each of two fans of a track."""

    def __init__(
        self,
        stream: Stream,
        fans: Sequence[Fan[Member]],
        members: Sequence[Member],
        states: tuple[DeliveryImage, DeliveryImage],
    ) -> None:
        """Fans, members and their states: of RTP, of RTCP."""
        self.members = members
        self._stream = stream
        self._fans = fans
        self._states = states

    @property
    def packets_out(self) -> int:
        return sum(fan.packets_to(each) for fan, each in zip(self._fans, self.members, strict=True))

    @property
    def dropped(self) -> int:
        """Packets that were to be sent and were not."""
        return sum(each.dropped for each in self._states)

    def open(self, now: float) -> None:
        """Send from now on, the publisher's last sender report first."""
        report = self._stream.reports.sender_report
        fan, member = self._fans[Kind.RTCP], self.members[Kind.RTCP]
        if report is not None and member not in fan:
            fan.send_one(member, report, now)
        self.go_on(now)

    def go_on(self, now: float) -> None:
        for outputs, fan, each in zip(self._stream.outputs, self._fans, self.members, strict=True):
            outputs.add(fan, each, now)

    def close(self) -> None:
        for outputs, fan, each in zip(self._stream.outputs, self._fans, self.members, strict=True):
            outputs.remove(fan, each)

    def write(self, kind: Kind, packet: bytes, now: float) -> None:
        self._fans[kind].send_one(self.members[kind], packet, now)
