"""The front's commands, carried out: one function for each, one reply for each."""

import logging
import socket
from collections import OrderedDict
from collections.abc import Callable
from typing import assert_never

from workers.connections.connection import Connection
from workers.contract import commands
from workers.contract.codec import Envelope
from workers.contract.messages import Command, Message, Reply
from workers.contract.parts import InterleavedTransport, Refusal, RtpInfo
from workers.contract.replies import Done, MountOpened, Playing, ReaderSetUp, Refused, Released
from workers.contract.reports import StateReport
from workers.process.active_worker import ActiveWorker
from workers.runtime.refusal import RefusedError

MOST_REPLIES = 1024
"""Replies that are remembered, so that a command that is said again has no second effect: a response on a connection
would be written twice."""


OPENING = (commands.OpenMount, commands.OpenReplica, commands.ImportMounts)
"""Commands that a worker which is drained refuses."""
STARTING = (commands.Record, commands.AttachFeed, commands.Play)
"""Commands that a worker which ends refuses."""


class Commands:
    """Carries out one front's commands on the worker's mounts and connections."""

    def __init__(self, active: ActiveWorker, reply: Callable[[int, Reply], None]) -> None:
        """`reply` answers the request of a number."""
        self._active = active
        self._mounts = active.mounts
        self._connections = active.connections
        self._descriptors = active.descriptors
        self._moves = active.moves
        self._logger = active.resources.logger
        self._reply = reply
        self._replies: OrderedDict[int, Reply] = OrderedDict()

    def handle(self, envelope: Envelope, now: float) -> None:
        """Carry out one command, and reply to one that has a number: without it is one-way."""
        command, request = envelope.message, envelope.request
        if request and request in self._replies:
            self._reply(request, self._replies[request])
            return
        if self._logger.isEnabledFor(logging.DEBUG):
            self._logger.debug("command", extra=_described(command))
        reply = self._reply_to(command, request, now)
        if request and reply is not None:
            if not isinstance(reply, Released | StateReport):  # those may be large
                self._replies[request] = reply
                if len(self._replies) > MOST_REPLIES:
                    self._replies.popitem(last=False)
            self._reply(request, reply)
        self._connections.start_fresh()

    def _reply_to(self, command: Message, request: int, now: float) -> Reply | None:
        """Carry out a command; None where the reply comes later."""
        try:
            if not isinstance(command, Command):
                raise RefusedError(Refusal.FAILED, f"{type(command).__name__} is no command to a worker")
            return self._carry_out(command, request, now)
        except RefusedError as error:
            refused = Refused(error.cause, error.reason[:1024])
        except Exception as error:
            self._logger.error("command failed", extra=_described(command), exc_info=error)
            refused = Refused(Refusal.FAILED, f"{type(error).__name__}: {error}"[:1024])
        self._let_go(command, now)
        about = {**_described(command), "cause": refused.cause.value, "reason": refused.reason}
        self._logger.warning("command refused", extra=about)
        return refused

    def _let_go(self, command: Message, now: float) -> None:
        """Close the descriptor that came with a refused command: the front keeps the connection."""
        if isinstance(command, commands.Record | commands.Play) and command.handoff is not None:
            self._descriptors.discard(command.handoff.token, now)
        elif isinstance(command, commands.AttachFeed | commands.AttachTap) and command.token:
            self._descriptors.discard(command.token, now)
        elif isinstance(command, commands.ImportMounts):
            self._descriptors.discard(command.move, now)
        elif isinstance(command, commands.OpenReplica):
            self._descriptors.discard(command.name, now)

    def _carry_out(self, command: Command, request: int, now: float) -> Reply | None:
        if (self._active.draining and isinstance(command, OPENING)) or (
            self._active.ending and isinstance(command, STARTING)
        ):
            raise RefusedError(Refusal.DRAINING, "this worker is on its way out")
        match command:
            case commands.OpenMount():
                return MountOpened(self._mounts.open(command, now))
            case commands.CloseMount():
                self._mounts.close(command.path, command.generation, now)
            case commands.Record():
                self._record(command, now)
            case commands.StopPublisher():
                self._mounts.find_owned(command.path, command.generation).publishing.stop(command.session)
            case commands.AttachFeed():
                owned = self._mounts.find_owned(command.path, command.generation)
                owned.feed(command.session, self._claim(command.token, now), now)
            case commands.AttachTap():
                self._tap(command, now)
            case commands.DetachTap():
                self._mounts.find_owned(command.path, command.generation).untap(command.name, now)
            case commands.OfferReplica():
                owned = self._mounts.find_owned(command.path, command.generation)
                self._active.offers.send(command.name, owned, lambda offered: self._reply(request, offered), now)
                return None
            case commands.OpenReplica():
                self._mounts.open_replica(command, self._descriptors.claim_all(command.name, now), now)
            case commands.SetUpReader():
                readers = self._mounts.find(command.path, command.generation).readers
                return ReaderSetUp(readers.set_up(command.session, command.transport, elsewhere=command.elsewhere))
            case commands.Play():
                return self._play(command, now)
            case commands.PauseReader():
                self._mounts.find(command.path, command.generation).readers.pause(command.session)
            case commands.RemoveReader():
                self._remove_reader(command)
            case commands.Respond():
                self._respond(command, now)
            case commands.ReleaseConnection():
                return self._release(command)
            case commands.ForgetConnections():
                self._connections.forget_ended(command.connections)
            case commands.KeepNote():
                self._active.keep_note(command.name, command.note)
            case commands.ForgetNotes():
                for name in command.names:
                    self._active.notes.pop(name, None)
            case commands.KeepListeners():
                self._active.listeners.keep(command.names, self._descriptors.claim_all(command.token, now))
            case commands.LendPorts():
                self._mounts.lend(command.ports, now)
            case commands.ReportState(path=""):
                return self._report(request)
            case commands.ReportState():
                return StateReport(self._mounts.state_of(command.path), (), more=False)
            case commands.ExportMounts():
                return self._moves.export(command, now, lambda exported: self._reply(request, exported))
            case commands.ImportMounts():
                self._moves.prepare(command, now)
            case commands.StartImported():
                self._moves.start(command.move, now)
            case commands.ResumeExported():
                self._moves.resume(command.move, now)
            case commands.ForgetMove():
                self._moves.forget(command.move)
            case commands.Welcome():
                return None  # the process itself takes it, before there is anything else
            case _:
                assert_never(command)
        return Done()

    def _record(self, command: commands.Record, now: float) -> None:
        mount = self._mounts.find_owned(command.path, command.generation)
        mount.readers.check(command.transports, publishing=True)
        connection = self._carrier(command, now)
        mount.publishing.record(command, connection, now)
        if connection is not None:
            connection.respond(command.response, now)

    def _tap(self, command: commands.AttachTap, now: float) -> None:
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

    def _play(self, command: commands.Play, now: float) -> Playing:
        readers = self._mounts.find(command.path, command.generation).readers
        readers.check(command.transports)
        connection = self._carrier(command, now)
        infos = readers.arm(command, connection, now)
        if connection is not None and command.response_head:
            connection.respond(command.response_head + rtp_info_header(command.rtp_info_urls, infos) + b"\r\n", now)
        if not command.paused:
            readers.open_gate(command.session, now)
        return Playing(infos)

    def _carrier(self, command: commands.Record | commands.Play, now: float) -> Connection | None:
        """Give the connection that a session begins on; None where it needs none and has none."""
        response = command.response if isinstance(command, commands.Record) else command.response_head
        interleaved = any(isinstance(each.transport, InterleavedTransport) for each in command.transports)
        if command.handoff is not None or response or interleaved:
            return self._connections.adopt(command.connection, command.handoff, now)
        return None

    def _remove_reader(self, command: commands.RemoveReader) -> None:
        try:
            mount = self._mounts.find(command.path, command.generation)
        except RefusedError as error:
            if error.cause is Refusal.STALE:
                raise
            return  # no mount, no reader
        mount.readers.remove(command.session)

    def _respond(self, command: commands.Respond, now: float) -> None:
        connection = self._connections.find(command.connection)
        if connection is None:
            return  # it has ended meanwhile, which the front hears by an event
        connection.respond(command.response, now)
        if command.close:
            connection.finish(now)

    def _release(self, command: commands.ReleaseConnection) -> Released:
        connection = self._connections.find(command.connection)
        if connection is None:
            raise RefusedError(Refusal.UNKNOWN_CONNECTION, f"connection {command.connection} is not here")
        return Released(*connection.release())

    def _report(self, request: int) -> StateReport:
        """Give the last part of all that this worker holds; those before are replied with at once."""
        *parts, last = self._mounts.state_parts()
        for part in parts:
            self._reply(request, StateReport(part, (), more=True))
        return StateReport(last, self._connections.names, more=False, lent_ports=self._mounts.lent_ports)


def _described(command: Message) -> dict[str, object]:
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
