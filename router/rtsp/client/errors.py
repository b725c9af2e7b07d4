"""What a server may do wrong; what we do wrong is a `LocalError`, and there is nothing else."""

from router.rtsp.errors import RtspError


class ServerError(RtspError):
    """The session is over because of the server. `method` is the request that it was asked then, or ""."""

    def __init__(self, status: int, reason: str, method: str = "") -> None:
        super().__init__(f"{method or 'RTSP'}: {status} {reason}")
        self.status = status
        self.reason = reason
        self.method = method


class ServerRefused(ServerError):
    """It answered `method` with `status` and the words of `reason`."""

    def __str__(self) -> str:
        return f"{self.method} was answered {self.status} {self.reason}"


class ServerBroken(ServerError):
    """What it sent can't be used: 502."""


class ServerGone(ServerError):
    """It can't be reached or has closed the connection: 503. Or it doesn't answer: 504."""
