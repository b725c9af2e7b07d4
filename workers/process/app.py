"""Puts one worker together, and takes it apart in order."""

import contextlib
import logging
import os
import resource
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import psutil

from workers import VERSION
from workers.connections.table import Connections
from workers.contract.codec import Envelope
from workers.contract.commands import Welcome
from workers.contract.endpoints import Endpoints
from workers.contract.events import Heartbeat, Hello
from workers.contract.reports import StateReport
from workers.fanout.receive import Receiver
from workers.fanout.syscalls import name_process
from workers.mounts.moving import Moves
from workers.mounts.replica import Offers
from workers.mounts.table import MountTable
from workers.process.active_worker import ActiveWorker
from workers.process.commands import Control
from workers.process.link import FrontLink
from workers.process.listeners import KeptListeners
from workers.process.shutdown import EXIT_ORPHANED, Shutdown
from workers.process.snapshot import Snapshot
from workers.runtime.counters import Counters
from workers.runtime.logs import OncePerMinute
from workers.runtime.loop import Loop, Timer
from workers.runtime.resources import Resources
from workers.runtime.runtime import Runtime
from workers.shared.notify import Notifier
from workers.sockets.addresses import family_for
from workers.sockets.descriptors import Descriptors
from workers.sockets.ports import PortPairs

HELLO_INTERVAL_S = 0.5
RECONNECT_INTERVAL_S = 0.1
SWEEP_INTERVAL_S = 0.25
LEAST_CPU_INTERVAL_S = 1.0
"""Reading it opens files of /proc: with a heartbeat each half second that was a third of an idle worker's work."""
LOSS_NOTICED_AFTER_S = 1.0
"""Who stops a whole router stops the front first: that is nothing to warn of."""
SPARE_DESCRIPTORS = 256
"""For connections and the worker itself, beside a socket for each port."""


class Worker:
    """One worker process."""

    def __init__(self, index: int, runtime_dir: Path, logger: logging.Logger, supervisor: Notifier) -> None:
        self._index = index
        self._supervisor = supervisor
        self._logger = logger
        self._incarnation = os.urandom(8).hex()
        self._loop = Loop()
        self._counters = Counters()
        self._process = psutil.Process()
        self._cpu_percent_now = 0.0
        self._cpu_at = 0.0
        endpoints = Endpoints(runtime_dir)
        runtime = Runtime(self._incarnation, self._loop, self._counters, OncePerMinute(logger))
        self._descriptors = Descriptors(endpoints.descriptors_path, runtime, self._front_died)
        self._link = FrontLink(endpoints.control, runtime, self._handle)
        self._offers = Offers(self._descriptors)
        self._loop.before_wait = self._link.settle
        self._loop.on_error = lambda error: logger.error("unexpected error", exc_info=error)
        self._cargo: ActiveWorker | None = None
        self._departure = Shutdown(self._loop, logger, self._link, supervisor, lambda: self._cargo, self._beat_once)
        self._listeners = KeptListeners()
        self._snapshot: Snapshot | None = None
        self._reach_timer: Timer | None = None
        self._orphan_at: float | None = None
        self._wake = _SignalWake(self._loop, self._departure.wish)

    def run(self) -> int:
        """Work until told to end, or orphaned; returns the exit code."""
        self._logger.info("worker started", extra={"pid": os.getpid(), "incarnation": self._incarnation})
        now = self._loop.clock()
        self._reach_front(now)
        self._sweep(now)
        # Ready without a front: they start in any order.
        self._supervisor.ready("waiting for the front")
        self._prove_life(now)
        self._loop.run()
        self._close()
        self._logger.info("worker ended", extra={"exit_code": self._departure.exit_code})
        return self._departure.exit_code or 0

    def end_with(self, pid: int) -> None:
        """Work no longer than another process lives: the program whose server has started this worker."""
        _Parent(pid, self._loop, self._orphaned)

    def _orphaned(self) -> None:
        if self._departure.exit_code is None:
            self._logger.error("the program that started this worker has ended")
            self._departure.begin(EXIT_ORPHANED)

    # -- the front ------------------------------------------------------------------------------------------------

    def _reach_front(self, now: float) -> None:
        """Connect and say hello, until a front has taken this worker on."""
        if self._link.front or self._departure.exit_code is not None:
            return
        if self._descriptors.connect():
            self._link.hello(Hello(self._index, os.getpid(), VERSION))
            self._reach_later(now + HELLO_INTERVAL_S)
        else:
            self._reach_later(now + RECONNECT_INTERVAL_S)

    def _reach_later(self, when: float) -> None:
        if self._reach_timer is not None:
            self._reach_timer.cancel()
        self._reach_timer = self._loop.call_at(when, self._reach_front)

    def _front_died(self) -> None:
        now = self._loop.clock()
        registered = bool(self._link.front)
        self._link.forget_front()
        if self._snapshot is not None:
            self._snapshot.cancel()
        self._offers.end()
        if self._cargo is not None:
            self._cargo.moves.end(now)
        if registered:
            self._loop.call_at(now + LOSS_NOTICED_AFTER_S, self._notice_loss)
            if self._cargo is not None and self._orphan_at is None:
                self._orphan_at = now + self._cargo.resources.settings.orphan_timeout_s
        self._reach_later(now + RECONNECT_INTERVAL_S)

    def _notice_loss(self, now: float) -> None:
        """Say that the front is lost, unless it is back or this worker is told to end too: then it was no loss."""
        if not self._link.front and self._departure.exit_code is None:
            self._logger.warning("front lost, media goes on")
            self._supervisor.status("front lost, media goes on")

    def _handle(self, envelope: Envelope) -> None:
        now = self._loop.clock()
        if isinstance(envelope.message, Welcome):
            self._welcome(envelope.message, envelope.request, now)
        elif self._cargo is not None:
            self._cargo.control.handle(envelope, now)

    def _welcome(self, settings: Welcome, request: int, now: float) -> None:
        first = self._cargo is None
        if self._cargo is None:
            self._cargo = self._build(settings)
        else:
            self._apply(self._cargo, settings)
        self._orphan_at = None
        self._loop.window_s = settings.batch_window_s
        self._logger.info("taken on by front", extra={"front": self._link.front})
        self._supervisor.status("serving")
        self._tell_all(self._cargo, request)
        if first:
            self._warn_of_few_descriptors(settings)
            self._beat(now)

    def _tell_all(self, cargo: ActiveWorker, request: int) -> None:
        def report(parts: list[StateReport]) -> None:
            for part in parts:
                self._link.reply(request, part)
            self._link.reported = True
            self._beat_once(self._loop.clock())  # whoever is told that it is ready may ask for its figures

        self._snapshot = Snapshot(
            loop=self._loop,
            mounts=cargo.mounts,
            connections=cargo.connections,
            listeners=self._listeners,
            descriptors=self._descriptors,
            on_done=report,
        )
        self._snapshot.go_on()

    def _warn_of_few_descriptors(self, settings: Welcome) -> None:
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if limit != resource.RLIM_INFINITY and limit < settings.rtp_port_count + SPARE_DESCRIPTORS:
            self._logger.warning(
                "too few descriptors for all ports of this worker: raise the hard limit (ulimit -Hn, LimitNOFILE=)",
                extra={"limit": limit, "needed": settings.rtp_port_count + SPARE_DESCRIPTORS},
            )

    def _build(self, settings: Welcome) -> ActiveWorker:
        family, bind_address = family_for(settings.bind_host)
        resources = Resources(
            loop=self._loop,
            counters=self._counters,
            logger=self._logger,
            tell=self._link.tell,
            settings=settings,
            family=family,
            bind_address=bind_address,
            receiver=Receiver(family),
            ports=PortPairs(settings.rtp_port_start, settings.rtp_port_count, settings.port_rest_s),
            name=self._incarnation,
        )
        resources.ports.lend(settings.lent_ports, self._loop.clock())
        mounts = MountTable(resources)
        connections = Connections(resources, self._descriptors)
        moves = Moves(mounts, connections, self._descriptors, self._logger)
        control = Control(
            mounts, connections, self._descriptors, self._listeners, moves, self._offers, self._logger, self._link.reply
        )
        return ActiveWorker(resources, mounts, connections, moves, control)

    def _apply(self, cargo: ActiveWorker, settings: Welcome) -> None:
        """Take over what another front (or the same one, said again) has set. The address family stays: sockets are
        bound in it, and a front whose host changes is another router."""
        resources = cargo.resources
        before, resources.settings = resources.settings, settings
        slice_before = (before.rtp_port_start, before.rtp_port_count, before.port_rest_s)
        if slice_before != (settings.rtp_port_start, settings.rtp_port_count, settings.port_rest_s):
            lent = resources.ports.lent
            resources.ports = PortPairs(settings.rtp_port_start, settings.rtp_port_count, settings.port_rest_s)
            for mount in cargo.mounts:
                for port in mount.own_ports:
                    resources.ports.claim(port)
            resources.ports.lend(lent, self._loop.clock())
        cargo.control.forget_front()

    def _beat(self, now: float) -> None:
        """Let the front know, again and again, that this loop turns."""
        if self._cargo is not None and self._departure.exit_code is None:
            self._loop.call_at(now + self._cargo.resources.settings.heartbeat_interval_s, self._beat)
            self._beat_once(now)

    def _beat_once(self, now: float) -> None:
        assert self._cargo is not None  # there was a front that wants to know
        resources, mounts, counters = self._cargo.resources, self._cargo.mounts, self._counters
        busiest, busiest_share = mounts.busiest()
        self._link.tell(
            Heartbeat(
                mounts=len(mounts),
                readers=mounts.reader_count,
                packets_in=counters.packets_in,
                packets_out=counters.packets_out,
                bytes_in=counters.bytes_in,
                bytes_out=counters.bytes_out,
                drops=tuple((cause.value, count) for cause, count in counters.drops.items()),
                cpu_percent=self._cpu_percent(now),
                loop_lag_ms=self._loop.longest_turn_s * 1000,
                ports_free=resources.ports.count_free(now),
                ports_used=resources.ports.count_used,
                draining=self._cargo.control.draining,
                busiest=busiest,
                busiest_share=busiest_share,
            )
        )
        self._loop.longest_turn_s = 0.0

    def _cpu_percent(self, now: float) -> float:
        """Measure over long intervals: over a few milliseconds the clock's ticks make it 0 or 200."""
        if now - self._cpu_at >= LEAST_CPU_INTERVAL_S:
            self._cpu_at = now
            self._cpu_percent_now = self._process.cpu_percent()
        return self._cpu_percent_now

    def _prove_life(self, now: float) -> None:
        """Let the supervisor's watchdog know that the loop turns."""
        if self._supervisor.alive_every_s is not None:
            self._loop.call_at(now + self._supervisor.alive_every_s, self._prove_life)
            self._supervisor.alive()

    # -- time -----------------------------------------------------------------------------------------------------

    def _sweep(self, now: float) -> None:
        """Look after what has only time to tell it."""
        self._loop.call_at(now + SWEEP_INTERVAL_S, self._sweep)
        self._descriptors.sweep(now)
        if self._cargo is not None:
            self._cargo.sweep(now)
        if self._orphan_at is not None and now >= self._orphan_at and self._departure.exit_code is None:
            self._logger.error("no front came back, giving up")
            self._departure.begin(EXIT_ORPHANED)

    def _close(self) -> None:
        if self._cargo is not None:
            # Where there is a front, what goes over UDP goes on at another worker, and its clients notice nothing.
            self._cargo.close(self._loop.clock(), goes_on=bool(self._link.front))
        self._listeners.close()
        self._descriptors.close()
        self._link.close()
        self._wake.close()
        self._loop.close()


class _Parent:
    """Watches a process until it ends."""

    def __init__(self, pid: int, loop: Loop, on_end: Callable[[], None]) -> None:
        self._loop = loop
        self._on_end = on_end
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            loop.defer(on_end)
        else:
            loop.add(self._pidfd, self, media=False)

    def ready(self, events: int, now: float) -> None:
        """Take note of its end."""
        self._loop.remove(self._pidfd)
        os.close(self._pidfd)
        self._on_end()

    def failed(self, error: Exception) -> None:
        """Nothing here can fail that would not end the worker anyway."""


class _SignalWake:
    """Turns SIGTERM and SIGINT into a descriptor of the loop: a handler does nothing but that."""

    def __init__(self, loop: Loop, on_signal: Callable[[], None]) -> None:
        self._loop = loop
        self._on_signal = on_signal
        self._near, self._far = socket.socketpair()
        self._near.setblocking(False)
        self._far.setblocking(False)
        signal.set_wakeup_fd(self._far.fileno(), warn_on_full_buffer=False)
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda number, frame: None)
        loop.add(self._near.fileno(), self, media=False)

    def ready(self, events: int, now: float) -> None:
        """Take note of a signal."""
        with contextlib.suppress(BlockingIOError):
            self._near.recv(64)
        self._on_signal()

    def failed(self, error: Exception) -> None:
        """End all the same."""
        self._on_signal()

    def close(self) -> None:
        """Let go of the descriptors."""
        signal.set_wakeup_fd(-1)
        self._loop.remove(self._near.fileno())
        self._near.close()
        self._far.close()


def prepare_process(index: int) -> None:
    """Name the process and raise its limit of descriptors as far as it may: 1,000 mounts have 4,000 sockets."""
    name_process(f"trunkline-w{index}")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
