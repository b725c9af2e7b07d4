"""Whose fault it was: the only exceptions that leave this package."""


class RtspError(Exception):
    """Any failure of the protocol code."""


class PeerError(RtspError):
    """The peer sent what can't be accepted.

    `status` is the RTSP status that it gets, `reason` says why, in one line that is safe to send and to log;
    `cseq` is the CSeq of the request where that could still be read.
    """

    def __init__(self, status: int, reason: str, cseq: str | None = None) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason
        self.cseq = cseq


class LocalError(RtspError):
    """We were about to send something that must not be sent."""
