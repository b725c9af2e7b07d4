"""The listening sockets, of which every worker holds duplicates: clients can connect though their front has died."""

import contextlib
import secrets
import socket
from collections.abc import Mapping

from router.connections.listeners import Passed
from router.link.worker import Worker
from router.link.workers import WorkersLink
from router.tasks import Tasks
from workers.contract.commands import KeepListeners
from workers.contract.reports import StateReport
from workers.shared.descriptor_socket import close_all


class SharedListeners:
    """What workers hold for this front, and what they have kept of the one before."""

    def __init__(self, link: WorkersLink, tasks: Tasks) -> None:
        self._link = link
        self._tasks = tasks
        self._shared: dict[str, socket.socket] | None = None
        """What workers are to hold; None: whatever they hold since an earlier front, until this one has it too."""
        self.kept: list[Passed] = []
        """Listening sockets of a front that died, as workers have kept them: whoever takes one, takes it out."""

    def take(self, worker: Worker, report: StateReport) -> None:
        """Take the sockets that a worker has kept, unless there are some."""
        descriptors = worker.channel.claim(report.listeners_token) if report.listeners_token else []
        if self._shared or self.kept or len(descriptors) != len(report.listeners):
            close_all(descriptors)
            return
        self.kept = [
            Passed(name, socket.socket(fileno=each)) for name, each in zip(report.listeners, descriptors, strict=True)
        ]

    def share(self, listeners: Mapping[str, socket.socket]) -> None:
        """Let every worker hold duplicates of these sockets, now and as they come: clients can connect though this
        front dies. None: those of before are let go of, and nobody can connect any more."""
        self._shared = dict(listeners)
        for passed in self.kept:
            passed.listener.close()
        self.kept = []
        for worker in self._link.alive():  # those that get no mounts hold them too
            self.send(worker)

    def send(self, worker: Worker) -> None:
        """Let a worker hold what all are to hold, once that is known."""
        if self._shared is None:
            return
        if self._shared:
            self._tasks.run(self._send_duplicates(worker, dict(self._shared)))
        else:
            worker.tell(KeepListeners((), ""))

    async def _send_duplicates(self, worker: Worker, listeners: Mapping[str, socket.socket]) -> None:
        token = secrets.token_hex(8)
        with contextlib.suppress(OSError):  # the worker is gone, or the listeners are
            await worker.channel.send(token, *(each.fileno() for each in listeners.values()))
            worker.tell(KeepListeners(tuple(listeners), token))
