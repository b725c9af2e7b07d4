"""The front's commands, carried out: one function for each, one reply for each."""

import logging
import socket
from collections import OrderedDict
from collections.abc import Callable

from workers.connections.connection import Connection
from workers.connections.table import Connections
from workers.contract.codec import Envelope
from workers.contract.commands import (
    AttachFeed,
    AttachTap,
    CloseMount,
    DetachTap,
    ExportMounts,
    ForgetConnections,
    ForgetMove,
    ImportMounts,
    KeepListeners,
    LendPorts,
    OfferReplica,
    OpenMount,
    OpenReplica,
    PauseReader,
    Play,
    Record,
    ReleaseConnection,
    RemoveReader,
    ReportState,
    Respond,
    ResumeExported,
    SetUpReader,
    StartImported,
    StopPublisher,
)
from workers.contract.messages import Reply
from workers.contract.parts import InterleavedTransport, Refusal, RtpInfo
from workers.contract.replies import Done, MountOpened, Playing, ReaderSetUp, Refused, Released
from workers.contract.reports import StateReport
from workers.mounts.moving import Moves
from workers.mounts.replica import Offers
from workers.mounts.table import MountTable
from workers.process.listeners import KeptListeners
from workers.runtime.refusal import RefusedError
from workers.sockets.descriptors import Descriptors

MOST_REPLIES = 1024
"""Replies that are remembered, so that a command that is said again has no second effect: a response on a connection
would be written twice."""


class Control:
    """Carries out commands on the worker's mounts and connections."""

    def __init__(
        self,
        mounts: MountTable,
        connections: Connections,
        descriptors: Descriptors,
        listeners: KeptListeners,
        moves: Moves,
        offers: Offers,
        logger: logging.Logger,
        reply: Callable[[int, Reply], None],
    ) -> None:
        self._mounts = mounts
        self._connections = connections
        self._descriptors = descriptors
        self._listeners = listeners
        self._moves = moves
        self._offers = offers
        self._logger = logger
        self._reply = reply
        self._replies: OrderedDict[int, Reply] = OrderedDict()
        self.draining = False
        """No new mounts: this worker waits for what it carries to be moved away."""
        self.ending = False
        """Nothing new at all."""

    def forget_front(self) -> None:
        """Start again with another front: request numbers and generations are its own."""
        self._replies.clear()
        self._mounts.forget_history()

    def handle(self, envelope: Envelope, now: float) -> None:
        """Carry out one command and reply."""
        self._handle(envelope, now)
        self._connections.start_fresh()

    def _handle(self, envelope: Envelope, now: float) -> None:
        command, request = envelope.message, envelope.request
        if self._logger.isEnabledFor(logging.DEBUG):
            self._logger.debug("command", extra=_told(command))
        if request and request in self._replies:
            self._reply(request, self._replies[request])
            return
        try:
            reply = self._carry_out(command, request, now)
        except RefusedError as error:
            reply = Refused(error.cause, error.reason[:1024])
        except Exception as error:
            self._logger.error("command failed", extra=_told(command), exc_info=error)
            reply = Refused(Refusal.FAILED, f"{type(error).__name__}: {error}"[:1024])
        if isinstance(reply, Refused):
            self._let_go(command, now)
            self._logger.warning(
                "command refused",
                extra={**_told(command), "cause": reply.cause.value, "reason": reply.reason},
            )
        if reply is None or isinstance(command, Respond):
            return
        if request and not isinstance(reply, Released):  # what was left of a connection may be large
            self._replies[request] = reply
            if len(self._replies) > MOST_REPLIES:
                self._replies.popitem(last=False)
        self._reply(request, reply)

    def _let_go(self, command: object, now: float) -> None:
        """Close the descriptor that came with a refused command: the front keeps the connection."""
        if isinstance(command, Record | Play) and command.handoff is not None:
            self._descriptors.discard(command.handoff.token, now)
        elif isinstance(command, AttachFeed | AttachTap) and command.token:
            self._descriptors.discard(command.token, now)
        elif isinstance(command, ImportMounts):
            self._descriptors.discard(command.move, now)
        elif isinstance(command, OpenReplica):
            self._descriptors.discard(command.name, now)

    def _carry_out(self, command: object, request: int, now: float) -> Reply | None:
        if (self.draining and isinstance(command, OpenMount | OpenReplica | ImportMounts)) or (
            self.ending and isinstance(command, Record | AttachFeed | Play)
        ):
            raise RefusedError(Refusal.DRAINING, "this worker is on its way out")
        match command:
            case OpenMount():
                return MountOpened(self._mounts.open(command, now))
            case CloseMount():
                self._mounts.close(command.path, command.generation, now)
            case Record():
                self._record(command, now)
            case StopPublisher():
                self._mounts.find_owned(command.path, command.generation).publishing.stop(command.session)
            case AttachFeed():
                owned = self._mounts.find_owned(command.path, command.generation)
                owned.feed(command.session, self._claim(command.token, now), now)
            case AttachTap():
                self._tap(command, now)
            case DetachTap():
                self._mounts.find_owned(command.path, command.generation).untap(command.name, now)
            case OfferReplica():
                owned = self._mounts.find_owned(command.path, command.generation)
                self._offers.send(command.name, owned, lambda offered: self._reply(request, offered), now)
                return None
            case OpenReplica():
                self._mounts.open_replica(command, self._descriptors.claim_all(command.name, now), now)
            case SetUpReader():
                readers = self._mounts.find(command.path, command.generation).readers
                return ReaderSetUp(readers.set_up(command.session, command.transport, elsewhere=command.elsewhere))
            case Play():
                return self._play(command, now)
            case PauseReader():
                self._mounts.find(command.path, command.generation).readers.pause(command.session)
            case RemoveReader():
                self._remove_reader(command)
            case Respond():
                self._respond(command, now)
            case ReleaseConnection():
                return self._release(command)
            case ForgetConnections():
                self._connections.forget_ended(command.connections)
            case KeepListeners():
                self._listeners.keep(command.names, self._descriptors.claim_all(command.token, now))
            case LendPorts():
                self._mounts.lend(command.ports, now)
            case ReportState():
                if command.path:
                    self._report_mount(request, command.path)
                else:
                    self.report(request)
                return None
            case ExportMounts():
                return self._moves.export(command, now, lambda exported: self._reply(request, exported))
            case ImportMounts():
                self._moves.prepare(command, now)
            case StartImported():
                self._moves.start(command.move, now)
            case ResumeExported():
                self._moves.resume(command.move, now)
            case ForgetMove():
                self._moves.forget(command.move)
            case _:
                raise RefusedError(Refusal.FAILED, f"{type(command).__name__} is no command to a worker")
        return Done()

    def _record(self, command: Record, now: float) -> None:
        mount = self._mounts.find_owned(command.path, command.generation)
        mount.readers.check(command.transports, publishing=True)
        connection = self._carrier(command, now)
        mount.publishing.record(command, connection, now)
        if connection is not None:
            connection.respond(command.response, now)

    def _tap(self, command: AttachTap, now: float) -> None:
        mount = self._mounts.find_owned(command.path, command.generation)
        for each in command.tracks:
            mount.readers.check_track(each)
        if command.token:
            mount.tap(command.name, self._claim(command.token, now), now)
        mount.copy(command.name, command.tracks, readers=command.readers, now=now)

    def _claim(self, token: str, now: float) -> socket.socket:
        """Give the socket that came with a token; raises RefusedError if none did."""
        descriptor = self._descriptors.claim(token, now)
        if descriptor is None:
            raise RefusedError(Refusal.NO_DESCRIPTOR, f"no descriptor came with token {token}")
        return socket.socket(fileno=descriptor)

    def _play(self, command: Play, now: float) -> Playing:
        mount = self._mounts.find(command.path, command.generation)
        readers = mount.readers
        readers.check(command.transports)
        connection = self._carrier(command, now)
        infos = readers.arm(command, connection, now)
        if connection is not None and command.response_head:
            connection.respond(command.response_head + rtp_info_header(command.rtp_info_urls, infos) + b"\r\n", now)
        if not command.paused:
            readers.open_gate(command.session, now)
        return Playing(infos)

    def _carrier(self, command: Record | Play, now: float) -> Connection | None:
        """Give the connection that a session begins on; None where it needs none and has none."""
        response = command.response if isinstance(command, Record) else command.response_head
        interleaved = any(isinstance(each.transport, InterleavedTransport) for each in command.transports)
        if command.handoff is not None or response or interleaved:
            return self._connections.adopt(command.connection, command.handoff, now)
        return None

    def _remove_reader(self, command: RemoveReader) -> None:
        try:
            mount = self._mounts.find(command.path, command.generation)
        except RefusedError as error:
            if error.cause is Refusal.STALE:
                raise
            return  # no mount, no reader
        mount.readers.remove(command.session)

    def _respond(self, command: Respond, now: float) -> None:
        connection = self._connections.find(command.connection)
        if connection is None:
            return  # it has ended meanwhile, which the front hears by an event
        connection.respond(command.response, now)
        if command.close:
            connection.finish(now)

    def _release(self, command: ReleaseConnection) -> Released:
        connection = self._connections.find(command.connection)
        if connection is None:
            raise RefusedError(Refusal.UNKNOWN_CONNECTION, f"connection {command.connection} is not here")
        return Released(*connection.release())

    def _report_mount(self, request: int, path: str) -> None:
        """Reply with one mount's state, if it is here."""
        self._reply(request, StateReport(self._mounts.state_of(path), (), more=False))

    def report(self, request: int) -> None:
        """Reply with all that this worker holds, in parts."""
        *parts, last = self._mounts.state_parts()
        for part in parts:
            self._reply(request, StateReport(part, (), more=True))
        self._reply(request, StateReport(last, self._connections.names, more=False, lent_ports=self._mounts.lent_ports))


def _told(command: object) -> dict[str, object]:
    """Say for the log what a command is and whom it is about."""
    about = (("path", "mount"), ("generation", "generation"), ("session", "session"), ("connection", "connection"))
    fields = {key: getattr(command, field) for field, key in about if hasattr(command, field)}
    return {"command": type(command).__name__, **fields}


def rtp_info_header(urls: tuple[str, ...], infos: tuple[RtpInfo, ...]) -> bytes:
    """Write the RTP-Info line (RFC 2326 section 12.33); nothing if no track has had a packet yet."""
    entries = [
        f"url={url};seq={info.sequence};rtptime={info.rtp_time}"
        for url, info in zip(urls, infos, strict=False)
        if info.sequence is not None and info.rtp_time is not None
    ]
    return f"RTP-Info: {','.join(entries)}\r\n".encode() if entries else b""
