"""What all RTSP methods have: the questions that the pipeline has for each of them."""

from typing import Any, ClassVar

from router.handlers.contexts import DecisionContext
from router.requests.exchange import Exchange
from router.rtsp.message import Response
from router.rtsp.url import RtspUrl
from router.state.sessions import Role


class Method:
    """One method. It checks first and changes state last, so that a refused request leaves everything as it was."""

    handler: ClassVar[str] = ""
    """The method of handlers that decides on it; "" for none."""
    context: ClassVar[type[DecisionContext]] = DecisionContext
    """What that is given."""

    def role(self, exchange: Exchange) -> Role | None:
        """Say whether a publisher or a reader asks; None where that doesn't matter. Raises PeerError."""
        return None if exchange.session is None else exchange.session.role

    def about(self, exchange: Exchange) -> RtspUrl | None:
        """Give the URL of the stream that only somebody known may ask for; None where nobody has to be known."""
        return None

    def check(self, exchange: Exchange) -> None:
        """Read what the request brings, before handlers hear of it. Raises PeerError."""

    def values(self, exchange: Exchange) -> dict[str, Any]:
        """Give what handlers are told beside what they are told of every request."""
        return {}

    def needs_mount(self, exchange: Exchange) -> bool:
        """Tell whether it is about what is published at the path, where no handler offers something else."""
        return False

    async def run(self, exchange: Exchange) -> Response:
        """Do what the server does by itself. Raises PeerError, WorkerError, PlacementError, ConnectionEnded."""
        raise NotImplementedError
