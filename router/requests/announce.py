"""ANNOUNCE: a publisher says what it has, and takes a path."""

from contextlib import suppress
from typing import Any

from router.connections.connection import ConnectionEnded
from router.description import DescriptionError, SessionDescription
from router.handlers.contexts import AnnounceContext
from router.requests.exchange import Exchange
from router.requests.method import Method
from router.rtsp.control import mount_path
from router.rtsp.errors import PeerError
from router.rtsp.message import Response
from router.rtsp.sdp import parse_sdp
from router.rtsp.session_state import next_state
from router.rtsp.url import RtspUrl
from router.state.sessions import Role
from router.state.state import State


class Announce(Method):
    """Begins a publisher's session."""

    handler = "on_announce"
    context = AnnounceContext

    def __init__(self, state: State) -> None:
        self._state = state
        self._max_tracks = state.settings.limits.tracks

    def role(self, exchange: Exchange) -> Role:
        return Role.PUBLISHER

    def about(self, exchange: Exchange) -> RtspUrl:
        return exchange.target

    def check(self, exchange: Exchange) -> None:
        request = exchange.request
        content_type = request.headers.get("Content-Type", "application/sdp")
        if content_type is None or content_type.partition(";")[0].strip().lower() != "application/sdp":
            raise PeerError(400, f"ANNOUNCE needs an application/sdp body, not {content_type}")
        exchange.announced = parse_sdp(request.body, self._max_tracks)

    def values(self, exchange: Exchange) -> dict[str, Any]:
        description = None
        with suppress(DescriptionError):
            description = SessionDescription.of(exchange.announced) if exchange.announced is not None else None
        return {"description": description}

    async def run(self, exchange: Exchange) -> Response:
        state, connection, url, description = self._state, exchange.connection, exchange.target, exchange.announced
        assert description is not None  # `check` has read it
        if connection.closed:
            raise ConnectionEnded
        path = mount_path(url)
        kept = state.lifecycle.claim(path, description, connection, exchange.now)
        mount = kept or state.mounts.add(path, description, exchange.now)
        session = state.sessions.add(Role.PUBLISHER, mount, connection, str(url), exchange.user, exchange.now)
        mount.publisher = session.id
        mount.describe(description)
        session.state = next_state(session.state, "ANNOUNCE")
        exchange.session = session
        state.lifecycle.begun(session)
        return exchange.respond()
