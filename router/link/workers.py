"""Registered workers: who comes and who is lost, commands to them, replies, events and heartbeats of theirs."""

import asyncio
import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from router.link.control_socket import ControlSocket
from router.link.descriptors import DescriptorListener, WorkerChannel
from router.link.worker import Worker, WorkerError, WorkerState
from router.logs import get_logger
from router.tasks import Tasks
from workers.contract.administration import AdminCommand, StatusQuery
from workers.contract.codec import ContractError, Envelope, decode, encode
from workers.contract.commands import Welcome
from workers.contract.endpoints import Endpoints
from workers.contract.events import Hello
from workers.contract.messages import Event, Message, Reply
from workers.contract.reports import StateReport

log = get_logger(__name__)

MAX_EARLY = 64
"""Hellos kept that overtook their worker's connection to the descriptors' socket; more are said again anyway."""
EXIT_WITHIN_S = 1.0
"""How long a worker that closed its connection may take to exit: one that was told to end does so by itself."""
COMPLAINT_INTERVAL_S = 60.0

CARRYING = (WorkerState.READY, WorkerState.DRAINING, WorkerState.GIVEN_UP)
"""States of workers that may have mounts; only those that are ready get more."""

Asked = StatusQuery | AdminCommand
"""What administrators say."""


Answer = Callable[[Message], None]
"""Sends an answer to the administrator who asked."""


class WorkersListener(Protocol):
    """Decides what workers do, and hears of them."""

    def welcome(self, index: int) -> Welcome:
        """Say what the worker of an index has to know."""

    def on_ready(self, worker: Worker, reports: list[StateReport]) -> None:
        """Take on a worker, with what it has."""

    def on_lost(self, worker: Worker, reason: str) -> None:
        """Note that a worker has ended, or was given up."""

    def on_event(self, worker: Worker, event: Event) -> None:
        """Note what a worker tells by itself."""

    @property
    def on_asked(self) -> Callable[[Asked, Answer], None]:
        """Serves administrators."""


class WorkersLink:
    """Everything that the front has to do with worker processes, besides deciding what they should do."""

    def __init__(
        self,
        endpoints: Endpoints,
        worker_count: int,
        command_timeout_s: float,
        listener: WorkersListener,
    ) -> None:
        self.incarnation = secrets.token_hex(8)
        self.command_timeout_s = command_timeout_s
        self.workers: dict[int, Worker] = {}
        self.malformed = 0
        self.stale = 0
        self._endpoints = endpoints
        self._control = ControlSocket(endpoints, self._receive, self._too_slow)
        self._worker_count = worker_count
        self._listener = listener
        self._channels: dict[str, WorkerChannel] = {}
        self._early: dict[str, Hello] = {}
        self._by_incarnation: dict[str, Worker] = {}
        self._descriptors = DescriptorListener(self._channel_arrived, self._channel_ended, self._stranger_refused)
        self._files: dict[Path, os.stat_result] = {}
        """The sockets' files, as they were made."""
        self._requests = 0
        self._dying: dict[Worker, asyncio.TimerHandle] = {}
        """Lost workers whose process has not ended yet, and when they are killed."""
        self._complained_at: dict[str, float] = {}
        self._tasks = Tasks()

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Bind both sockets. The runtime directory must be this front's alone by now."""
        self._control.open()
        self._note_file(self._endpoints.control_path)
        self._start_descriptors()
        self._control.read()

    def stay_reachable(self) -> bool:
        """Give both sockets their names again where somebody has removed them; say whether that was so.

        The runtime directory must be this front's alone by now. Raises OSError.
        """
        lost = [path for path in self._files if not self._is_ours(path)]
        if self._endpoints.control_path in lost:
            self._control.bind()
            self._note_file(self._endpoints.control_path)
        if self._endpoints.descriptors_path in lost:
            self._start_descriptors()
        return bool(lost)

    def _start_descriptors(self) -> None:
        self._descriptors.start(self._endpoints.descriptors_path)
        self._note_file(self._endpoints.descriptors_path)

    def _note_file(self, path: Path) -> None:
        self._files[path] = path.lstat()

    def _is_ours(self, path: Path) -> bool:
        with contextlib.suppress(OSError):
            return os.path.samestat(path.lstat(), self._files[path])
        return False

    def close(self) -> None:
        """Let go of the workers and both sockets; whatever still waits for a reply is told."""
        self._descriptors.close()
        for worker in list(self._by_incarnation.values()):
            worker.lose()
            worker.let_be()
        for worker, timer in list(self._dying.items()):
            timer.cancel()
            self._let_be(worker)
        self.workers.clear()
        self._by_incarnation.clear()
        self._control.close()
        for path in self._files:
            if self._is_ours(path):  # else it is another front's
                path.unlink(missing_ok=True)
        self._files.clear()

    def next_request(self) -> int:
        """Number a command."""
        self._requests += 1
        return self._requests

    @property
    def has_workers(self) -> bool:
        """Tell whether any worker has found this front."""
        return bool(self._channels)

    @property
    def ending(self) -> bool:
        """Tell whether the process of a lost worker is still there, and its sockets with it."""
        return bool(self._dying)

    def alive(self) -> list[Worker]:
        """The workers that carry anything: those that are drained too."""
        return [worker for worker in self.workers.values() if worker.state in CARRYING]

    def ready(self) -> list[Worker]:
        """The workers that can be given mounts."""
        return [worker for worker in self.workers.values() if worker.state is WorkerState.READY]

    # -- out -------------------------------------------------------------------------------------------------------

    def send(self, worker: Worker, request: int, message: Message) -> None:
        """Send to a worker. One that is gone is told nothing: its loss is noticed elsewhere."""
        if not worker.is_lost:
            self._control.put(
                worker.incarnation.encode(), encode(Envelope(self.incarnation, worker.incarnation, request, message))
            )

    # -- in --------------------------------------------------------------------------------------------------------

    def _receive(self, frames: list[bytes]) -> None:
        try:
            if len(frames) != 2:
                raise ContractError(f"{len(frames)} frames in place of 2")
            envelope = decode(frames[1])
        except ContractError as error:
            self.malformed += 1
            self._complain("malformed message dropped", reason=str(error))
            return
        message = envelope.message
        if isinstance(message, Asked):
            self._listener.on_asked(message, lambda answer: self._answer(frames[0], envelope.request, answer))
        elif frames[0] != envelope.worker.encode():
            self.malformed += 1
            self._complain("message in another's name dropped", worker=envelope.worker)
        elif isinstance(message, Hello):
            self._register(envelope.worker, message)
        else:
            self._dispatch(envelope)

    def _dispatch(self, envelope: Envelope) -> None:
        worker = self._by_incarnation.get(envelope.worker)
        if worker is None or envelope.front != self.incarnation:
            self.stale += 1
            return
        worker.now = asyncio.get_running_loop().time()
        message = envelope.message
        if isinstance(message, Reply):
            worker.take_reply(envelope.request, message)
        elif isinstance(message, Event):
            if worker.state is WorkerState.CONNECTING:
                worker.early.append(message)
            else:
                self._listener.on_event(worker, message)
        else:
            self.malformed += 1

    def _answer(self, identity: bytes, request: int, answer: Message) -> None:
        self._control.put(identity, encode(Envelope(self.incarnation, "", request, answer)))

    def _too_slow(self, peer: str) -> None:
        self._complain("a peer reads too slowly, message dropped", peer=peer)

    def _complain(self, event: str, **facts: str) -> None:
        """Log each kind of trouble at most once a minute: whoever sends garbage may send much of it."""
        now = asyncio.get_running_loop().time()
        if now - self._complained_at.get(event, -COMPLAINT_INTERVAL_S) >= COMPLAINT_INTERVAL_S:
            self._complained_at[event] = now
            log.warning(event, **facts)

    # -- registration ----------------------------------------------------------------------------------------------

    def _channel_arrived(self, channel: WorkerChannel) -> None:
        self._channels[channel.incarnation] = channel
        hello = self._early.pop(channel.incarnation, None)
        if hello is not None:
            self._register(channel.incarnation, hello)

    def _stranger_refused(self, reason: str) -> None:
        self.malformed += 1
        self._complain("stranger at the descriptors' socket refused", reason=reason)

    def _channel_ended(self, incarnation: str) -> None:
        self._channels.pop(incarnation, None)
        worker = self._by_incarnation.get(incarnation)
        if worker is not None:
            self.lose(worker, "its process ended", patience_s=EXIT_WITHIN_S)

    def _register(self, incarnation: str, hello: Hello) -> None:
        """Take a worker on; its Hello comes again and again until its channel is here and its index is free."""
        channel = self._channels.get(incarnation)
        if channel is None and len(self._early) < MAX_EARLY:
            self._early[incarnation] = hello
        if channel is None or incarnation in self._by_incarnation:
            return
        if hello.index >= self._worker_count:
            reason = f"this router has {self._worker_count} workers"
            self._complain("worker refused", worker=str(hello.index), reason=reason)
            return
        if hello.index in self.workers:
            self._complain("worker refused", worker=str(hello.index), reason="another one has its index")
            return
        worker = Worker(hello.index, incarnation, channel, self, asyncio.get_running_loop().time())
        try:
            worker.pidfd = os.pidfd_open(channel.pid)
        except OSError as error:  # in another PID namespace, for one: it could not be killed when it hangs
            reason = f"process {channel.pid} can't be held: {error.strerror}"
            self._complain("worker refused", worker=str(hello.index), reason=reason)
            return
        self.workers[hello.index] = self._by_incarnation[incarnation] = worker
        self._tasks.run(self._take_on(worker))

    async def _take_on(self, worker: Worker) -> None:
        try:
            reports = await worker.report(self._listener.welcome(worker.index))
            if worker.is_lost:  # right behind its report
                return
            worker.become(WorkerState.READY)
            worker.ready_at = asyncio.get_running_loop().time()
            self._listener.on_ready(worker, reports)
            early, worker.early = worker.early, []
            for event in early:
                self._listener.on_event(worker, event)
        except WorkerError as error:
            self.lose(worker, str(error))
        except Exception as error:  # a defect of ours: without this worker nobody is served, and its next start may do
            log.error("worker can't be taken on", worker=worker.index, exc_info=True)
            self.lose(worker, f"{type(error).__name__}: {error}")

    def lose(self, worker: Worker, reason: str, *, patience_s: float = 0.0) -> None:
        """Give a worker up: kill what is left of it after `patience_s`, and tell everyone concerned."""
        if worker.is_lost:
            return
        loop = asyncio.get_running_loop()
        self._dying[worker] = loop.call_later(patience_s, worker.kill)
        loop.add_reader(worker.pidfd, self._process_ended, worker)
        worker.lose()
        self._descriptors.drop(worker.incarnation)
        self._channels.pop(worker.incarnation, None)
        self._by_incarnation.pop(worker.incarnation, None)
        if self.workers.get(worker.index) is worker:
            del self.workers[worker.index]
        self._listener.on_lost(worker, reason)

    def _process_ended(self, worker: Worker) -> None:
        self._dying[worker].cancel()
        self._let_be(worker)
        worker.gone.set()

    def _let_be(self, worker: Worker) -> None:
        del self._dying[worker]
        asyncio.get_running_loop().remove_reader(worker.pidfd)
        worker.let_be()

    def forgive(self, now: float, late_s: float) -> None:
        """Take time in which this process stood still off every worker's silence: what they said is not read yet."""
        for worker in self.workers.values():
            worker.now = min(now, worker.now + late_s)

    def expire(self, now: float, heartbeat_timeout_s: float) -> None:
        """Give up workers that have not been heard for too long."""
        for worker in list(self.workers.values()):
            worker.channel.sweep(now)
            if now - worker.now > heartbeat_timeout_s:
                self.lose(worker, f"no heartbeat for {now - worker.now:.1f} s")
