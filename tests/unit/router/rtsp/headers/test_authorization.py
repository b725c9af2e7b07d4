"""The Authorization header."""

import pytest

from router.rtsp.errors import PeerError
from router.rtsp.headers.authorization import BasicCredentials, DigestCredentials, parse_authorization
from tests.unit.router.rtsp.auth_cases import AUTHORIZATIONS, BAD_AUTHORIZATIONS


@pytest.mark.parametrize(("value", "credentials"), AUTHORIZATIONS)
def test_credentials_are_read(value: str, credentials: BasicCredentials | DigestCredentials) -> None:
    assert parse_authorization(value) == credentials


@pytest.mark.parametrize("value", BAD_AUTHORIZATIONS)
def test_broken_credentials_are_the_peers_fault(value: str) -> None:
    with pytest.raises(PeerError) as refusal:
        parse_authorization(value)
    assert refusal.value.status == 400
