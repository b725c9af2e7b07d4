"""What a server did wrong, in words for people."""

import pytest

from router.rtsp.client.errors import ServerBroken, ServerError, ServerGone, ServerRefused
from router.rtsp.errors import LocalError, PeerError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ServerRefused(404, "Not Found", "DESCRIBE"), "DESCRIBE was answered 404 Not Found"),
        (ServerBroken(502, "no Transport", "SETUP"), "SETUP: 502 no Transport"),
        (ServerGone(503, "it closed the connection"), "RTSP: 503 it closed the connection"),
    ],
)
def test_each_says_what_was_asked_and_what_came(error: ServerError, text: str) -> None:
    assert str(error) == text
    with pytest.raises(ServerError):
        raise error
    assert not isinstance(error, PeerError | LocalError), "a server is neither our peer's fault nor ours"
