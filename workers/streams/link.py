"""The way to a track's publisher: what every kind of publisher offers to the stream that it feeds."""

from typing import Protocol

from workers.channel import Kind


class PublisherLink(Protocol):
    """One track's way back."""

    def send(self, kind: Kind, packet: bytes, now: float, session: str) -> bool:
        """Send a packet to the publisher; False if there is no way. A program is told which `session` it is from."""

    def on_rtcp(self, now: float) -> None:
        """The publisher's RTCP came."""


class NoPublisher:
    """The link of a stream that nobody feeds."""

    def send(self, kind: Kind, packet: bytes, now: float, session: str) -> bool:
        """There is no way."""
        return False

    def on_rtcp(self, now: float) -> None:
        """Nobody lives by it."""


NO_PUBLISHER = NoPublisher()
