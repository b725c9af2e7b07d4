"""Which methods each port serves."""

from functools import cache

from router.connections.connection import Side
from router.connections.listeners import Listeners
from router.requests.exchange import Exchange
from router.requests.failure import NotHere
from router.streams.streams import Streams


@cache
def public(*, publishing: bool, reading: bool) -> dict[Side, tuple[str, ...]]:
    """List the methods that each port serves, of a server where one can publish, or read, or both."""
    nothing = ("OPTIONS", "GET_PARAMETER", "SET_PARAMETER")
    common = ("OPTIONS", "SETUP", "PAUSE", "TEARDOWN", "GET_PARAMETER", "SET_PARAMETER")
    publish = (*common, "ANNOUNCE", "RECORD") if publishing else nothing
    client = (*common, "DESCRIBE", "PLAY") if reading else nothing
    return {
        Side.PUBLISH: publish,
        Side.CLIENT: client,
        Side.BOTH: tuple(dict.fromkeys(publish + client)),
    }


class ServedMethods:
    """The methods of each port by now: a program's stream with a path makes a server readable that was not."""

    def __init__(self, listeners: Listeners, streams: Streams, *, publishing: bool, reading: bool) -> None:
        self._listeners = listeners
        self._streams = streams
        self._publishing = publishing
        self._reading = reading

    def of(self, side: Side) -> tuple[str, ...]:
        """List those of one port."""
        reading = self._reading or (self._streams.named and not self._publishing)
        return public(publishing=self._publishing, reading=reading)[side]

    def check(self, exchange: Exchange) -> None:
        """Refuse a method that nobody serves here, and name the other port if that does. Raises NotHere."""
        method, side = exchange.request.method, exchange.connection.side
        if method in exchange.allowed:
            return
        right = Side.PUBLISH if side is Side.CLIENT else Side.CLIENT
        if side is not Side.BOTH and method in self.of(right):
            raise NotHere(405, f"{method} belongs on the {right} port, {self._listeners.port_of(right)}")
        raise NotHere(405, f"{method} is not served here")
