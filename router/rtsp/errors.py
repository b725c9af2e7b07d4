"""Whose fault it was: the only exceptions that leave this package."""


class RtspError(Exception):
    """Any failure of the protocol code: an RTSP `status`, and the `reason` in one line that is safe to log."""

    status: int
    reason: str


class PeerError(RtspError):
    """The peer sent what can't be accepted.

    `status` is the RTSP status that it gets, and `reason` may be sent to it; `cseq` is the CSeq of the request where
    that could still be read.
    """

    def __init__(self, status: int, reason: str, cseq: str | None = None) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason
        self.cseq = cseq


class LocalError(RtspError):
    """We were about to send something that must not be sent, or were asked for what can't be done."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.status = 500
        self.reason = reason
