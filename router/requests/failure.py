"""What goes wrong with a request becomes a status here, and nowhere else."""

from router.access.authentication import Unauthorized
from router.link.placement import NotArrived
from router.link.worker import WorkerError, WorkerGone, WorkerRefused
from router.logs import get_logger
from router.requests.exchange import Exchange
from router.rtsp.errors import PeerError
from router.rtsp.message import Response
from router.rtsp.session_state import allowed
from workers.contract.parts import Refusal

log = get_logger(__name__)


class NotHere(PeerError):
    """A method that this port doesn't serve."""


class Unsupported(PeerError):
    """Options that a client requires and nobody here has."""

    def __init__(self, options: str) -> None:
        super().__init__(551, "option not supported")
        self.options = options


def failure(exchange: Exchange, error: Exception) -> Response:
    """Turn what went wrong into a response; what is nobody's word is ours, and logged whole."""
    match error:
        case Unauthorized():
            challenges = tuple(("WWW-Authenticate", challenge) for challenge in error.challenges)
            return exchange.respond(401, *challenges)
        case NotHere():
            return exchange.respond(405, ("Allow", ", ".join(exchange.allowed)), reason=error.reason)
        case Unsupported():
            return exchange.respond(551, ("Unsupported", error.options))
        case PeerError(status=455) if exchange.session is not None:
            methods = allowed(exchange.session.state)  # RFC 2326 section 11.3.6
            return exchange.respond(455, ("Allow", ", ".join(methods)), reason=error.reason)
        case PeerError():
            return exchange.respond(error.status, reason=error.reason)
        case WorkerRefused(cause=Refusal.UNKNOWN_MOUNT | Refusal.UNKNOWN_READER | Refusal.STALE):
            return exchange.respond(404, reason="the mount was closed meanwhile")
        case NotArrived():
            return exchange.respond(503, reason="the mount is on its way to another worker")
        case WorkerRefused() | WorkerGone():
            return exchange.respond(503, reason=str(error))
    log.error(
        "request failed",
        method=exchange.request.method,
        connection=exchange.connection.id,
        peer=exchange.connection.peer,
        exc_info=error,
    )
    assert not isinstance(error, WorkerError)
    return exchange.respond(500)
