"""Listening sockets: taken, passed on, or in the way; and what helps then."""

import socket
from typing import Any

import pytest

from router.connections.connection import Side
from router.connections.listeners import Listeners, Passed, PortTaken, StartError, belongs_to, bind, url_of
from router.settings import Settings


def settings(**values: Any) -> Settings:
    return Settings(**{"host": "127.0.0.1", "publish_port": 0, "client_port": 0, **values})


def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_a_port_that_is_taken_says_by_what_to_change_it() -> None:
    with listening() as other:
        port = other.getsockname()[1]
        with pytest.raises(
            PortTaken, match=rf"port {port} of 127\.0\.0\.1 can't be .*Choose another with --client-port"
        ):
            bind("127.0.0.1", port, "--client-port")


def test_an_address_of_another_machine_says_so() -> None:
    with pytest.raises(StartError, match="no such address: see --host") as caught:
        bind("192.0.2.1", 0, "--publish-port")
    assert not isinstance(caught.value, PortTaken)


@pytest.mark.parametrize("host", ["", "::", "::1", "127.0.0.1"])
def test_a_url_is_one_that_a_client_here_can_use(host: str) -> None:
    with bind(host, 0, "--publish-port") as listener:
        port = listener.getsockname()[1]
        expected = {"::1": f"rtsp://[::1]:{port}"}.get(host, f"rtsp://127.0.0.1:{port}")
        assert url_of(listener) == expected


def test_each_side_has_a_port_and_all_are_let_go_of() -> None:
    listeners = Listeners()
    listeners.bind(settings())
    assert set(listeners.sockets) == {"publish", "client"}
    assert listeners.publish_url != listeners.client_url
    taken = list(listeners.sockets.values())
    listeners.release()
    listeners.release()
    assert [each.fileno() for each in taken] == [-1, -1]


def test_one_port_may_be_both() -> None:
    with listening() as free:
        port = free.getsockname()[1]
    listeners = Listeners()
    listeners.bind(settings(publish_port=port, client_port=port))
    assert listeners.publish_url == listeners.client_url == f"rtsp://127.0.0.1:{port}"
    assert listeners.port_of(Side.BOTH) == port
    listeners.release()


def test_where_one_is_taken_the_other_is_let_go_of() -> None:
    with listening() as other, listening() as free:
        port = free.getsockname()[1]
        free.close()
        with pytest.raises(PortTaken):
            Listeners().bind(settings(publish_port=port, client_port=other.getsockname()[1]))
        bind("127.0.0.1", port, "--publish-port").close()


def test_sockets_that_were_passed_on_are_taken_by_name_and_by_port() -> None:
    client, publish = listening(), listening()
    listeners = Listeners()
    passed = [Passed("client", client), Passed("fd3", publish)]
    listeners.bind(settings(publish_port=publish.getsockname()[1]), passed)
    assert listeners.sockets == {"publish": publish, "client": client}
    listeners.release()


def test_a_socket_for_neither_side_ends_the_start_and_is_closed() -> None:
    stray = listening()
    with pytest.raises(StartError, match=r"the socket 'web' on port .* is for neither side: name it publish or client"):
        Listeners().bind(settings(), [Passed("web", stray)])
    assert stray.fileno() == -1


@pytest.mark.parametrize(
    ("host", "wanted", "belongs"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "", False),
        ("", "", True),
        ("", "::", True),
        ("::1", "::", False),
    ],
)
def test_a_socket_belongs_where_its_address_and_port_are_wanted(host: str, wanted: str, belongs: bool) -> None:
    with bind(host, 0, "--publish-port") as listener:
        port = listener.getsockname()[1]
        assert belongs_to(listener, settings(host=wanted, publish_port=port)) is belongs
        assert not belongs_to(listener, settings(host=wanted, publish_port=1))
