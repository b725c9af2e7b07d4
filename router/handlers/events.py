"""What handlers hear of: made of the front's events, and told in the order in which they happened."""

from typing import Any

from router.connections.connection import Connection
from router.handlers.clients import Clients
from router.handlers.contexts import (
    ConnectionCloseContext,
    ConnectionOpenContext,
    DecodeErrorContext,
    MountCloseContext,
    MountOpenContext,
    PacketsLostContext,
    RequestContext,
    ResponseContext,
    SessionCloseContext,
    SessionOpenContext,
    StreamWriteErrorContext,
)
from router.handlers.handlers import Handlers
from router.state.events import (
    ConnectionGone,
    ConnectionOpened,
    EventDispatcher,
    MountEnded,
    MountReady,
    PacketsLost,
    PacketsUnusable,
    PublisherReplaced,
    ReaderUnserved,
    RequestArrived,
    ResponseSent,
    SessionBegan,
    SessionEnded,
)
from router.state.mounts import Mount
from router.state.sessions import Session


class HandlerEvents:
    """Makes a context of each event for each handler that hears of its kind; nobody waits for what they make of it."""

    def __init__(self, handlers: Handlers, clients: Clients) -> None:
        self._handlers = handlers
        self._clients = clients
        self._publishers: dict[Mount, Session] = {}
        """The last publisher of each mount that one has recorded: the mount's end is told of it, even after its own."""

    def subscribe(self, events: EventDispatcher) -> None:
        """Hear of everything that handlers are told."""
        events.subscribe(ConnectionOpened, self._connection_opened)
        events.subscribe(ConnectionGone, self._connection_gone)
        events.subscribe(RequestArrived, self._request_arrived)
        events.subscribe(ResponseSent, self._response_sent)
        events.subscribe(SessionBegan, self._session_began)
        events.subscribe(SessionEnded, self._session_ended)
        events.subscribe(MountReady, self._mount_ready)
        events.subscribe(PublisherReplaced, self._publisher_replaced)
        events.subscribe(MountEnded, self._mount_ended)
        events.subscribe(PacketsLost, self._packets_lost)
        events.subscribe(PacketsUnusable, self._packets_unusable)
        events.subscribe(ReaderUnserved, self._reader_unserved)

    # -- connections and requests ----------------------------------------------------------------------------------

    def _connection_opened(self, event: ConnectionOpened) -> None:
        self._tell("on_connection_open", ConnectionOpenContext, event.connection)

    def _connection_gone(self, event: ConnectionGone) -> None:
        self._tell("on_connection_close", ConnectionCloseContext, event.connection, reason=event.reason)
        self._clients.forget_connection(event.connection)

    def _request_arrived(self, event: RequestArrived) -> None:
        self._tell("on_request", RequestContext, event.connection, request=event.request)

    def _response_sent(self, event: ResponseSent) -> None:
        if not self._handlers.with_method("on_response"):
            return
        session = None if event.session is None else self._clients.session(event.session)
        values = {"session": session, "request": event.request, "response": event.response}
        self._tell("on_response", ResponseContext, event.connection, **values)

    # -- sessions and mounts ---------------------------------------------------------------------------------------

    def _session_began(self, event: SessionBegan) -> None:
        self._tell_of("on_session_open", SessionOpenContext, event.session)

    def _session_ended(self, event: SessionEnded) -> None:
        session = event.session
        self._tell_of("on_session_close", SessionCloseContext, session, reason=event.reason, readers=event.readers)
        if session is not self._publishers.get(session.mount):  # of whom the mount's end tells
            self._clients.forget_session(session)

    def _mount_ready(self, event: MountReady) -> None:
        if event.publisher is None:
            return  # a program's own stream, of which it knows
        self._publishers[event.mount] = event.publisher
        if not event.restored:
            self._tell_of("on_mount_open", MountOpenContext, event.publisher)

    def _publisher_replaced(self, event: PublisherReplaced) -> None:
        self._clients.forget_session(self._publishers[event.mount])
        self._publishers[event.mount] = event.publisher

    def _mount_ended(self, event: MountEnded) -> None:
        publisher = self._publishers.pop(event.mount, None)
        if publisher is not None:
            self._tell_of("on_mount_close", MountCloseContext, publisher, reason=event.reason)
            self._clients.forget_session(publisher)

    # -- what goes wrong -------------------------------------------------------------------------------------------

    def _packets_lost(self, event: PacketsLost) -> None:
        self._tell_of("on_packets_lost", PacketsLostContext, event.session, packets=event.packets)

    def _packets_unusable(self, event: PacketsUnusable) -> None:
        counts = {"not_rtp": event.not_rtp, "wrong_payload_type": event.wrong_payload_type}
        self._tell_of("on_decode_error", DecodeErrorContext, event.session, **counts)

    def _reader_unserved(self, event: ReaderUnserved) -> None:
        self._tell_of("on_stream_write_error", StreamWriteErrorContext, event.session, reason=event.reason)

    def _tell(self, name: str, context: type, connection: Connection, **values: Any) -> None:
        for handler in self._handlers.with_method(name):
            client = self._clients.connection(connection)
            handler.tell((connection.id,), name, context(server=self._clients.server, connection=client, **values))

    def _tell_of(self, name: str, context: type, session: Session, **values: Any) -> None:
        for handler in self._handlers.with_method(name, session.role):
            client = self._clients.session(session)
            handler.tell(
                self._clients.keys(session), name, context(server=self._clients.server, session=client, **values)
            )
