"""Whose fault it was is told by the class."""

import pytest

from router.rtsp.errors import LocalError, PeerError, RtspError


def test_a_peers_error_says_what_it_is_told() -> None:
    error = PeerError(454, "no such session", cseq="7")
    assert (error.status, error.reason, error.cseq) == (454, "no such session", "7")
    assert str(error) == "454: no such session"
    assert PeerError(400, "no CSeq").cseq is None


@pytest.mark.parametrize("error", [PeerError(400, "x"), LocalError("x")])
def test_one_clause_catches_either_and_neither_is_the_other(error: RtspError) -> None:
    with pytest.raises(RtspError):
        raise error
    assert isinstance(error, PeerError) != isinstance(error, LocalError)
