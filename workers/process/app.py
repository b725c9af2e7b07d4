"""Puts one worker together, and takes it apart in order."""

import contextlib
import logging
import os
import resource
from pathlib import Path

from workers import VERSION
from workers.contract.codec import Envelope
from workers.contract.commands import Welcome
from workers.contract.endpoints import Endpoints
from workers.contract.events import Hello
from workers.contract.reports import StateReport
from workers.fanout.syscalls import name_process
from workers.process.active_worker import ActiveWorker, activate
from workers.process.commands import Commands
from workers.process.heartbeats import Heartbeats
from workers.process.link import FrontLink
from workers.process.registration import Registration
from workers.process.shutdown import EXIT_ORPHANED, Shutdown
from workers.process.signals import ParentWatch, SignalWatch
from workers.process.snapshot import Snapshot
from workers.runtime.counters import Counters
from workers.runtime.logs import OncePerMinute
from workers.runtime.loop import Loop
from workers.runtime.runtime import Runtime
from workers.shared.notify import Notifier
from workers.sockets.descriptors import Descriptors

SWEEP_INTERVAL_S = 0.25
LOSS_NOTICED_AFTER_S = 1.0
"""A router that is stopped as a whole stops its front first: no warning then."""
SPARE_DESCRIPTORS = 256
"""For connections and the worker itself, beside a socket for each port."""


class Worker:
    """One worker process."""

    def __init__(self, index: int, runtime_dir: Path, logger: logging.Logger, supervisor: Notifier) -> None:
        self._supervisor = supervisor
        self._logger = logger
        self._loop = Loop()
        runtime = Runtime(os.urandom(8).hex(), self._loop, Counters(), logger, OncePerMinute(logger))
        self._runtime = runtime
        endpoints = Endpoints(runtime_dir)
        self._descriptors = Descriptors(endpoints.descriptors_path, runtime, self._on_front_died)
        self._link = FrontLink(endpoints.control, runtime, self._on_message)
        self._loop.before_wait = self._link.settle
        self._loop.on_error = lambda error: logger.error("unexpected error", exc_info=error)
        hello = Hello(index, os.getpid(), VERSION)
        self._registration = Registration(runtime, hello, self._link, self._descriptors)
        self._heartbeats = Heartbeats(runtime, self._link)
        self._active: ActiveWorker | None = None
        self._commands: Commands | None = None
        self._snapshot: Snapshot | None = None
        self._shutdown = Shutdown(runtime, self._link, lambda: self._active, self._on_ending)
        self._signals = SignalWatch(self._loop, self._shutdown.wish)

    def run(self) -> int:
        """Work until told to end, or orphaned; returns the exit code."""
        self._logger.info("worker started", extra={"pid": os.getpid(), "incarnation": self._runtime.incarnation})
        now = self._loop.clock()
        self._registration.reach(now)
        self._sweep(now)
        # Ready without a front: they start in any order.
        self._supervisor.ready("waiting for the front")
        self._prove_life(now)
        self._loop.run()
        self._close()
        self._logger.info("worker ended", extra={"exit_code": self._shutdown.exit_code})
        return self._shutdown.exit_code or 0

    def end_with(self, pid: int) -> None:
        """Work no longer than another process lives: the program whose server has started this worker."""
        ParentWatch(pid, self._loop, lambda: self._orphaned("the program that started this worker has ended"))

    def _orphaned(self, why: str) -> None:
        if self._shutdown.exit_code is None:
            self._logger.error(why)
            self._shutdown.begin(EXIT_ORPHANED)

    # -- the front ------------------------------------------------------------------------------------------------

    def _on_message(self, envelope: Envelope) -> None:
        now = self._loop.clock()
        if isinstance(envelope.message, Welcome):
            self._take_on(envelope.message, envelope.request, now)
        elif self._commands is not None:
            self._commands.handle(envelope, now)

    def _take_on(self, settings: Welcome, request: int, now: float) -> None:
        """Work for this front: the first, the next one, or the same once more."""
        active, first = self._active, self._active is None
        if active is None:
            active = self._active = activate(self._runtime, settings, self._descriptors, self._link.tell)
        else:
            active.apply(settings)
        self._commands = Commands(active, self._link.reply)  # numbers of requests are the front's own
        self._registration.taken_on()
        self._loop.window_s = settings.batch_window_s
        self._logger.info("taken on by front", extra={"front": self._link.front})
        self._supervisor.status("serving")
        self._snapshot = Snapshot(active, lambda parts: self._on_snapshot(active, request, parts))
        self._snapshot.go_on()
        if first:
            self._warn_of_few_descriptors(settings)
            self._heartbeats.keep_beating(active, now)

    def _on_snapshot(self, active: ActiveWorker, request: int, parts: list[StateReport]) -> None:
        for part in parts:
            self._link.reply(request, part)
        self._link.reported = True
        self._heartbeats.tell_all(active, self._loop.clock())  # whoever is told that it is ready may ask for them

    def _warn_of_few_descriptors(self, settings: Welcome) -> None:
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if limit != resource.RLIM_INFINITY and limit < settings.rtp_port_count + SPARE_DESCRIPTORS:
            self._logger.warning(
                "too few descriptors for all ports of this worker: raise the hard limit (ulimit -Hn, LimitNOFILE=)",
                extra={"limit": limit, "needed": settings.rtp_port_count + SPARE_DESCRIPTORS},
            )

    def _on_front_died(self) -> None:
        now = self._loop.clock()
        registered = bool(self._link.front)
        self._link.forget_front()
        if self._snapshot is not None:
            self._snapshot.cancel()
        orphan_timeout_s = None
        if self._active is not None:
            self._active.front_died(now)
            orphan_timeout_s = self._active.resources.settings.orphan_timeout_s if registered else None
        if registered:
            self._loop.call_at(now + LOSS_NOTICED_AFTER_S, self._notice_loss)
        if self._shutdown.exit_code is None:
            self._registration.lost(now, orphan_timeout_s)

    def _notice_loss(self, now: float) -> None:
        """Warn of a lost front, unless it is back, or the whole router ends."""
        if not self._link.front and self._shutdown.exit_code is None:
            self._logger.warning("front lost, media goes on")
            self._supervisor.status("front lost, media goes on")

    # -- time -----------------------------------------------------------------------------------------------------

    def _prove_life(self, now: float) -> None:
        """Let the supervisor's watchdog know that the loop turns."""
        if self._supervisor.alive_every_s is not None:
            self._loop.call_at(now + self._supervisor.alive_every_s, self._prove_life)
            self._supervisor.alive()

    def _sweep(self, now: float) -> None:
        self._loop.call_at(now + SWEEP_INTERVAL_S, self._sweep)
        self._descriptors.sweep(now)
        if self._active is not None:
            self._active.sweep(now)
        if self._registration.is_orphaned(now):
            self._orphaned("no front came back, giving up")

    # -- the end --------------------------------------------------------------------------------------------------

    def _on_ending(self) -> None:
        """Let front and supervisor know that this worker is on its way out."""
        self._registration.stop()
        if self._active is not None:
            self._heartbeats.beat(self._active, self._loop.clock())
        self._supervisor.stopping()

    def _close(self) -> None:
        if self._active is not None:
            # Where there is a front, what goes over UDP goes on at another worker, and its clients notice nothing.
            self._active.close(self._loop.clock(), goes_on=bool(self._link.front))
        self._descriptors.close()
        self._link.close()
        self._signals.close()
        self._loop.close()


def prepare_process(index: int) -> None:
    """Name the process and raise its limit of descriptors as far as it may: 1,000 mounts have 4,000 sockets."""
    name_process(f"trunkline-w{index}")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
