"""A program's callbacks for packets, and what they are given."""

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from router.logs import get_logger
from router.streams.packets import ReceivedPacket
from router.streams.timing import Timeline
from workers.channel import ChannelBurst, Kind, packets_of

log = get_logger(__name__)

Callback = Callable[[ReceivedPacket], object]
"""Called in the event loop for each packet, in order; what it gives is ignored."""

MOST_SENDERS = 1000
"""Sessions whose packets' times are followed at once: readers that speak on a back channel are one or two."""
COMPLAINT_INTERVAL_S = 60.0
"""A callback that fails fails for every packet: its traceback is logged so often."""


class PacketCallbacks:
    """The callbacks of one stream, or of one session."""

    def __init__(self, clock_rates: Sequence[Mapping[int, int]]) -> None:
        """`clock_rates` has each track's, by payload type."""
        self._clock_rates = clock_rates
        self._callbacks: dict[tuple[Kind, int], list[Callback]] = {}
        self._timelines: dict[str, Timeline] = {}
        self._complain_at = float("-inf")
        self.failed = 0
        """Calls that raised."""

    def __len__(self) -> int:
        return len(self._callbacks)

    @property
    def tracks(self) -> set[int]:
        """The tracks that somebody listens to."""
        return {track for _, track in self._callbacks}

    def add(self, kind: Kind, track: int, callback: Callback) -> Callable[[], None]:
        """Call back with packets of a kind on a track; gives a function that ends that.

        Raises:
            TypeError: it can't be called, or nobody would wait for it.
        """
        if not callable(callback) or inspect.iscoroutinefunction(callback):
            raise TypeError(f"{callback!r:.80} is no function that returns at once")
        self._callbacks.setdefault((kind, track), []).append(callback)

        def remove() -> None:
            callbacks = self._callbacks.get((kind, track), [])
            with suppress(ValueError):
                callbacks.remove(callback)
            if not callbacks:
                self._callbacks.pop((kind, track), None)

        return remove

    def take(self, burst: ChannelBurst, session: str, now: float) -> None:
        """Call back with each packet of a burst that came from a session."""
        timeline = self._timelines.get(session)
        if timeline is None:
            if len(self._timelines) >= MOST_SENDERS:
                del self._timelines[next(iter(self._timelines))]
            timeline = self._timelines[session] = Timeline(self._clock_rates)
        callbacks = self._callbacks.get((burst.kind, burst.track), ())
        if burst.kind is Kind.RTCP:
            for packet in (each for run in burst.runs for each in packets_of(run)):
                timeline.on_rtcp(packet)
                self._call(callbacks, ReceivedPacket(packet, None, None, session))
        elif callbacks:
            for packet in (each for run in burst.runs for each in packets_of(run)):
                pts, ntp = timeline.times(burst.track, packet, now)
                self._call(callbacks, ReceivedPacket(packet, pts, ntp, session))

    def _call(self, callbacks: Sequence[Callback], packet: ReceivedPacket) -> None:
        for callback in tuple(callbacks):
            try:
                callback(packet)
            except Exception:
                self.failed += 1
                now = asyncio.get_running_loop().time()
                if now >= self._complain_at:
                    self._complain_at = now + COMPLAINT_INTERVAL_S
                    log.error("callback for packets failed", callback=f"{callback!r:.80}", exc_info=True)
