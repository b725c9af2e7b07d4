"""The worker's one thread: epoll, timers, and the order in which everything gets its turn.

Descriptors are of two kinds. The urgent ones (the front, connections that carry RTSP) are in an epoll set of their
own, inside the set of all: so a turn can serve them first, and go on serving them while it waits for media to gather.
"""

import heapq
import select
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

READ = select.EPOLLIN
WRITE = select.EPOLLOUT
FAILED = select.EPOLLERR | select.EPOLLHUP
HANGUP = select.EPOLLRDHUP
"""The other end of a stream says no more."""
EDGE = select.EPOLLET
"""Be told once of what comes, whether it is read or not; and again whenever what is watched for is set anew."""

TICK_WINDOWS = 3
"""Gathering windows in a tick, the loop's pace while media comes without a pause: fewer wake-ups, and 3 ms at most."""
_MOST_EVENTS = 1024
_LONGEST_WAIT_S = 60.0


class Watcher(Protocol):
    """Owns a descriptor in the loop."""

    def ready(self, events: int, now: float) -> None:
        """Serve the descriptor: `events` is the epoll mask of what can be done without waiting."""

    def failed(self, error: Exception) -> None:
        """End whatever `ready` raised this error for, and nothing else."""


class Timer:
    """One call in the future."""

    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callable[[float], None]) -> None:
        self.when = when
        self.callback: Callable[[float], None] | None = callback

    def cancel(self) -> None:
        """Take the call back; harmless if it was made."""
        self.callback = None

    def __lt__(self, other: "Timer") -> bool:
        return self.when < other.when


class Loop:
    """Waits for descriptors and for time, and calls their owners."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.window_s = 0.0
        """How long media gathers after the first packet, so that one turn serves many packets; 0 is off."""
        self.before_wait: Callable[[], bool] = lambda: False
        """Called before every wait; True if there is more to do, so that the loop only looks and doesn't wait."""
        self.longest_turn_s = 0.0
        self.on_error: Callable[[Exception], None] = _raise
        """Called with what a timer or a deferred call raised."""
        self._urgent = select.epoll()
        self._all = select.epoll()
        self._all.register(self._urgent.fileno(), READ)
        self._watchers: dict[int, tuple[Watcher, select.epoll]] = {}
        self._timers: list[Timer] = []
        self._deferred: deque[Callable[[], None]] = deque()
        self._stopped = False
        self._ticking = False
        self._media_at = float("-inf")

    def add(self, fd: int, watcher: Watcher, *, media: bool, events: int = READ) -> None:
        """Watch a descriptor; `media` may wait for the gathering window."""
        epoll = self._all if media else self._urgent
        epoll.register(fd, events)
        self._watchers[fd] = (watcher, epoll)

    def change(self, fd: int, events: int) -> None:
        """Watch for other events; harmless if the descriptor is not watched."""
        entry = self._watchers.get(fd)
        if entry is not None:
            entry[1].modify(fd, events)

    def remove(self, fd: int) -> None:
        """Stop watching. To be done before the descriptor is closed or passed on: epoll follows the open file, which
        lives on in another process's duplicate and would be reported for ever."""
        entry = self._watchers.pop(fd, None)
        if entry is not None:
            entry[1].unregister(fd)

    def call_at(self, when: float, callback: Callable[[float], None]) -> Timer:
        """Call back with the time at `when` or soon after."""
        timer = Timer(when, callback)
        heapq.heappush(self._timers, timer)
        return timer

    def defer(self, callback: Callable[[], None]) -> None:
        """Call back before the next wait, when nobody is in the middle of anything."""
        self._deferred.append(callback)

    def stop(self) -> None:
        """Let `run` return after this turn."""
        self._stopped = True

    def run(self) -> None:
        self._stopped = False
        while not self._stopped:
            self.turn()

    def close(self) -> None:
        self._urgent.close()
        self._all.close()

    def turn(self) -> None:
        """Wait for the next thing to do, and do all that can be done."""
        clock = self.clock
        began = clock()
        more = self._settle()
        if self._ticking and not more:
            idle = self._gather(began + TICK_WINDOWS * self.window_s)
            events = self._all.poll(0, _MOST_EVENTS)
        else:
            events, idle = self._wait(more)
        now = clock()
        urgent = self._urgent.fileno()
        media = [each for each in events if each[0] != urgent]
        if len(media) < len(events):
            self._serve(self._urgent.poll(0, _MOST_EVENTS), now)
        self._serve(media, now)
        if media:
            self._media_at = now
        else:
            self._ticking = False
        self._run_timers(clock())
        self.longest_turn_s = max(self.longest_turn_s, clock() - began - idle)

    def _wait(self, more: bool) -> tuple[list[tuple[int, int]], float]:
        """Wait for anything, and let media gather after its first packet. Gives the events and the time spent idle.

        Where media comes again within a tick, the loop ticks from then on: a process that sleeps until the first
        packet, and again until others have joined it, wakes up twice as often, and that is dearer than a burst.
        """
        asleep = self.clock()
        events = self._all.poll(0 if more else self._wait_s(asleep), _MOST_EVENTS)
        woke = self.clock()
        idle = woke - asleep
        urgent = self._urgent.fileno()
        if self.window_s > 0 and any(fd != urgent for fd, _ in events):
            self._ticking = woke - self._media_at < TICK_WINDOWS * self.window_s
            idle += self._gather(woke + self.window_s)
            events = self._all.poll(0, _MOST_EVENTS)
        return events, idle

    def _settle(self) -> bool:
        """Do what must be done before a wait; True if there is more."""
        more = self.before_wait()
        while self._deferred:
            try:
                self._deferred.popleft()()
            except Exception as error:
                self.on_error(error)
            if not self._deferred:
                more = self.before_wait()
        return more

    def _wait_s(self, now: float) -> float:
        while self._timers and self._timers[0].callback is None:
            heapq.heappop(self._timers)
        return min(_LONGEST_WAIT_S, max(0.0, self._timers[0].when - now)) if self._timers else _LONGEST_WAIT_S

    def _gather(self, until: float) -> float:
        """Let media packets come in until then, and serve what is urgent meanwhile. Returns the time spent idle."""
        idle = 0.0
        now = self.clock()
        while now < until:
            ready = self._urgent.poll(until - now, _MOST_EVENTS)
            waited = self.clock()
            idle += waited - now
            if ready:
                self._serve(ready, waited)
                self.before_wait()
            now = self.clock()
        return idle

    def _serve(self, events: list[tuple[int, int]], now: float) -> None:
        watchers = self._watchers
        for fd, mask in events:
            entry = watchers.get(fd)
            if entry is None:
                continue  # closed by a watcher that was served before it
            try:
                entry[0].ready(mask, now)
            except Exception as error:  # one mount's or connection's trouble must not reach the others
                try:
                    entry[0].failed(error)
                except Exception as second:  # not even its end went well
                    self.on_error(second)

    def _run_timers(self, now: float) -> None:
        timers = self._timers
        while timers and timers[0].when <= now:
            timer = heapq.heappop(timers)
            if timer.callback is None:
                continue
            try:
                timer.callback(now)
            except Exception as error:
                self.on_error(error)


def _raise(error: Exception) -> None:
    raise error
