"""What handlers hear of: made of what the front knows, and told in the order in which it happened."""

from collections.abc import Callable, Sequence

from router.connections.connection import Connection, ConnectionEnded
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
from router.rtsp.message import Request, Response
from router.state.sessions import Session
from workers.contract.events import SessionTrouble


class HandlerEvents:
    """One method for each thing that handlers hear of; nobody waits for what they make of it, but a client that is far
    ahead of them."""

    def __init__(self, handlers: Handlers, clients: Clients) -> None:
        self._handlers = handlers
        self._clients = clients
        self._server = clients.server

    def connection_opened(self, connection: Connection) -> None:
        """Tell of a connection that came in."""
        client = self._clients.connection(connection)
        self._tell(
            "on_connection_open", connection, lambda: ConnectionOpenContext(server=self._server, connection=client)
        )

    def connection_closed(self, connection: Connection, reason: str) -> None:
        """Tell of a connection's end."""
        client = self._clients.connection(connection)
        self._clients.forget_connection(connection)
        self._tell(
            "on_connection_close",
            connection,
            lambda: ConnectionCloseContext(server=self._server, connection=client, reason=reason),
        )

    async def request_came(self, connection: Connection, request: Request) -> None:
        """Tell of a request; it waits where handlers are far behind with what its connection has done before."""
        await self._handlers.room(connection.id)
        if connection.closed:
            raise ConnectionEnded
        self._tell(
            "on_request",
            connection,
            lambda: RequestContext(
                server=self._server, connection=self._clients.connection(connection), request=request
            ),
        )

    def response_sent(
        self, connection: Connection, session: Session | None, request: Request, response: Response
    ) -> None:
        """Tell of a response."""
        self._tell(
            "on_response",
            connection,
            lambda: ResponseContext(
                server=self._server,
                connection=self._clients.connection(connection),
                session=None if session is None else self._clients.session(session),
                request=request,
                response=response,
            ),
        )

    def session_opened(self, session: Session) -> None:
        """Tell of a session that began."""
        self._tell_of(
            "on_session_open",
            session,
            lambda: SessionOpenContext(server=self._server, session=self._clients.session(session)),
        )

    def session_closed(self, session: Session, reason: str) -> None:
        """Tell of a session's end; it counts as no reader any more."""
        client = self._clients.session(session)
        readers = len(session.mount.readers)
        self._tell_of(
            "on_session_close",
            session,
            lambda: SessionCloseContext(server=self._server, session=client, reason=reason, readers=readers),
        )
        if session is not session.mount.last_publisher:  # of whom the mount's end tells
            self._clients.forget_session(session)

    def mount_opened(self, publisher: Session) -> None:
        """Tell of a mount that readers may have from now on."""
        self._tell_of(
            "on_mount_open",
            publisher,
            lambda: MountOpenContext(server=self._server, session=self._clients.session(publisher)),
        )

    def mount_closed(self, publisher: Session, reason: str) -> None:
        """Tell of the end of a mount that readers could have."""
        self._tell_of(
            "on_mount_close",
            publisher,
            lambda: MountCloseContext(server=self._server, session=self._clients.session(publisher), reason=reason),
        )
        self._clients.forget_session(publisher)

    def publisher_replaced(self, before: Session) -> None:
        """Know a publisher no more whose mount another one goes on with."""
        self._clients.forget_session(before)

    def troubled(self, session: Session, event: SessionTrouble) -> None:
        """Tell of a publisher's packets that were lost or can't be used."""
        client = self._clients.session(session)
        if event.lost:
            self._tell_of(
                "on_packets_lost",
                session,
                lambda: PacketsLostContext(server=self._server, session=client, packets=event.lost),
            )
        if event.not_rtp or event.wrong_payload_type:
            self._tell_of(
                "on_decode_error",
                session,
                lambda: DecodeErrorContext(
                    server=self._server,
                    session=client,
                    not_rtp=event.not_rtp,
                    wrong_payload_type=event.wrong_payload_type,
                ),
            )

    def unserved(self, reader: Session, reason: str) -> None:
        """Tell of a reader that could not be served."""
        self._tell_of(
            "on_stream_write_error",
            reader,
            lambda: StreamWriteErrorContext(server=self._server, session=self._clients.session(reader), reason=reason),
        )

    def _tell(self, name: str, connection: Connection, context: Callable[[], object]) -> None:
        for handler in self._handlers.with_method(name):
            handler.tell((connection.id,), name, context())

    def _tell_of(self, name: str, session: Session, context: Callable[[], object]) -> None:
        for handler in self._handlers.with_method(name, session.role):
            handler.tell(self.keys(session), name, context())

    def keys(self, session: Session) -> Sequence[str]:
        """Say what is told in order with a session: all that concerns it, and the connection of its last request."""
        return session.id, self._clients.session(session).last_connection
