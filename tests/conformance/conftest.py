"""Routers that listen elsewhere than on 127.0.0.1."""

import socket
from collections.abc import Iterator

import pytest

from tests.support.router import RouterProcess


def need_ipv6() -> None:
    """Skip the test on a machine without an IPv6 loopback address."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")


@pytest.fixture(scope="module")
def ipv6_router() -> Iterator[RouterProcess]:
    """A router on ::1."""
    need_ipv6()
    with RouterProcess(host="::1") as router:
        yield router


@pytest.fixture(scope="module", params=["", "::"], ids=["all", "all of IPv6"])
def every_address_router(request: pytest.FixtureRequest) -> Iterator[RouterProcess]:
    """A router on all addresses of both families, in both ways to say so."""
    need_ipv6()
    with RouterProcess(host=request.param) as router:
        yield router
