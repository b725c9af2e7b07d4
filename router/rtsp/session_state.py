"""The states of a session and what each method does to them (RFC 2326 appendix A): one table, and nothing else."""

from enum import Enum

from router.rtsp.errors import PeerError

METHODS = (
    "OPTIONS",
    "DESCRIBE",
    "ANNOUNCE",
    "SETUP",
    "PLAY",
    "PAUSE",
    "RECORD",
    "TEARDOWN",
    "GET_PARAMETER",
    "SET_PARAMETER",
)
"""What is understood at all, in the order of `Public`."""


class SessionState(Enum):
    """Where a session stands: a reader's is READY or PLAYING, a publisher's ANNOUNCED or RECORDING."""

    INIT = "init"
    READY = "ready"
    PLAYING = "playing"
    ANNOUNCED = "announced"
    RECORDING = "recording"
    CLOSED = "closed"


_S = SessionState
_KEEP = ("OPTIONS", "DESCRIBE", "GET_PARAMETER", "SET_PARAMETER")
_MOVES: dict[SessionState, dict[str, SessionState]] = {
    _S.INIT: {"SETUP": _S.READY, "ANNOUNCE": _S.ANNOUNCED},
    _S.READY: {"SETUP": _S.READY, "PAUSE": _S.READY, "PLAY": _S.PLAYING},
    _S.PLAYING: {"PLAY": _S.PLAYING, "PAUSE": _S.READY},
    _S.ANNOUNCED: {"SETUP": _S.ANNOUNCED, "PAUSE": _S.ANNOUNCED, "RECORD": _S.RECORDING},
    # GStreamer's rtspclientsink sends PAUSE while it records, before its TEARDOWN.
    _S.RECORDING: {"RECORD": _S.RECORDING, "PAUSE": _S.ANNOUNCED},
}
_TABLE = {state: {**moves, **dict.fromkeys(_KEEP, state), "TEARDOWN": _S.CLOSED} for state, moves in _MOVES.items()} | {
    _S.CLOSED: {}
}


def next_state(state: SessionState, method: str) -> SessionState:
    """Return the state that a method leads to.

    Raises:
        PeerError: 455 where the method doesn't belong in this state, 501 where it isn't understood at all.
    """
    if method not in METHODS:
        raise PeerError(501, "unknown method")
    if method not in _TABLE[state]:
        raise PeerError(455, f"{method} is not allowed while the session is {state.value}")
    return _TABLE[state][method]


def allowed(state: SessionState) -> tuple[str, ...]:
    """Return the methods that a state admits, in the order of `METHODS`: for `Allow`."""
    return tuple(method for method in METHODS if method in _TABLE[state])
