"""Every state and method has an answer, and only the table's."""

import pytest

from router.rtsp.errors import PeerError
from router.rtsp.session_state import METHODS, SessionState, allowed, next_state

S = SessionState
KEEP = {"OPTIONS", "DESCRIBE", "GET_PARAMETER", "SET_PARAMETER"}
MOVES = {
    (S.INIT, "SETUP"): S.READY,
    (S.INIT, "ANNOUNCE"): S.ANNOUNCED,
    (S.READY, "SETUP"): S.READY,
    (S.READY, "PAUSE"): S.READY,
    (S.READY, "PLAY"): S.PLAYING,
    (S.PLAYING, "PLAY"): S.PLAYING,
    (S.PLAYING, "PAUSE"): S.READY,
    (S.ANNOUNCED, "SETUP"): S.ANNOUNCED,
    (S.ANNOUNCED, "PAUSE"): S.ANNOUNCED,
    (S.ANNOUNCED, "RECORD"): S.RECORDING,
    (S.RECORDING, "RECORD"): S.RECORDING,
    (S.RECORDING, "PAUSE"): S.ANNOUNCED,
}


def _expected(state: SessionState, method: str) -> SessionState | None:
    if state is S.CLOSED:
        return None
    if method == "TEARDOWN":
        return S.CLOSED
    return state if method in KEEP else MOVES.get((state, method))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("state", SessionState)
def test_every_method_has_its_answer_in_every_state(state: SessionState, method: str) -> None:
    expected = _expected(state, method)

    assert (method in allowed(state)) is (expected is not None)
    if expected is not None:
        assert next_state(state, method) is expected
        return
    with pytest.raises(PeerError) as refusal:
        next_state(state, method)
    assert refusal.value.status == 455
    assert state.value in refusal.value.reason


@pytest.mark.parametrize("method", ["REDIRECT", "play", "", "PLAY "])
@pytest.mark.parametrize("state", SessionState)
def test_unknown_methods_are_not_implemented(state: SessionState, method: str) -> None:
    with pytest.raises(PeerError) as refusal:
        next_state(state, method)
    assert refusal.value.status == 501


def test_methods_are_listed_in_one_order() -> None:
    assert allowed(S.PLAYING) == tuple(method for method in METHODS if method in allowed(S.PLAYING))
