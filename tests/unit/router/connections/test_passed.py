"""Listening sockets that are passed on by LISTEN_FDS: which are taken, for which side, and what is refused."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from router.connections import passed
from router.connections.connection import Side
from router.connections.listeners import Listeners, Passed, StartError
from router.settings import Settings

PID = 4711
ROOT = Path(__file__).parents[4]

Listen = Callable[[], socket.socket]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Make listening sockets, and close those that are left."""
    made: list[socket.socket] = []

    def make() -> socket.socket:
        made.append(socket.create_server(("127.0.0.1", 0)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def port(listener: socket.socket) -> int:
    number: int = listener.getsockname()[1]
    return number


@pytest.mark.parametrize("environment", [{}, {"LISTEN_FDS": "2", "LISTEN_PID": "1"}, {"LISTEN_FDS": "2"}])
def test_what_is_meant_for_another_process_is_left_alone(environment: dict[str, str]) -> None:
    assert passed.take(environment, PID) == []
    assert environment == {}


def run(source: str, descriptor: int) -> "subprocess.CompletedProcess[str]":
    """Take `descriptor` over as number 3, in a process of its own: what stands there in this one is others'."""
    take = (
        "import os, sys; from router.connections import passed; from router.connections.listeners import StartError\n"
        "os.dup2(int(sys.argv[1]), 3)\n"
        "environment = {'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '1', 'LISTEN_FDNAMES': 'publish'}\n"
        "try: (found,) = passed.take(environment, os.getpid())\n"
        "except StartError as error: sys.exit(str(error))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", take + source, str(descriptor)], cwd=ROOT, pass_fds=[descriptor], capture_output=True,
        text=True, check=False, timeout=60,
    )  # fmt: skip


def test_a_socket_is_taken_with_its_name_and_goes_no_further(listen: Listen) -> None:
    listener = listen()
    done = run(
        "print(found.name, found.listener.getsockname()[1], os.get_inheritable(3), environment)", listener.fileno()
    )
    assert done.stdout == f"publish {port(listener)} False {{}}\n", done.stderr


def test_what_does_not_listen_is_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "socket"))
        unix.listen()
        for each in (udp, unix):
            assert "no TCP socket that listens: use ListenStream=" in run("", each.fileno()).stderr
    with (tmp_path / "file").open("w") as file:
        assert "descriptor 3, which LISTEN_FDS announces, is no socket" in run("", file.fileno()).stderr


def bound(settings: Settings, sockets: list[Passed]) -> dict[Side, int]:
    listeners = Listeners()
    listeners.bind(settings, sockets)
    try:
        sides = [Side.BOTH] if settings.publish_port == settings.client_port != 0 else [Side.PUBLISH, Side.CLIENT]
        return {side: listeners.port_of(side) for side in sides}
    finally:
        listeners.release()


def test_a_name_says_the_side_whatever_the_port(listen: Listen) -> None:
    first, second = listen(), listen()
    ports = {Side.CLIENT: port(first), Side.PUBLISH: port(second)}
    settings = Settings(publish_port=0, client_port=0, host="127.0.0.1")
    assert bound(settings, [Passed("client", first), Passed("publish", second)]) == ports


def test_other_names_leave_it_to_the_port(listen: Listen) -> None:
    first, second = listen(), listen()
    ports = {Side.PUBLISH: port(second), Side.CLIENT: port(first)}
    settings = Settings(publish_port=port(second), client_port=port(first), host="127.0.0.1")
    name = "trunkline-front.socket"
    assert bound(settings, [Passed(name, first), Passed(name, second)]) == ports


def test_one_socket_for_both_sides(listen: Listen) -> None:
    listener = listen()
    settings = Settings(publish_port=port(listener), client_port=port(listener), host="127.0.0.1")
    assert bound(settings, [Passed("", listener)]) == {Side.BOTH: settings.publish_port}


def test_a_side_that_got_none_takes_its_port_itself(listen: Listen) -> None:
    listener = listen()
    settings = Settings(publish_port=port(listener), client_port=0, host="127.0.0.1")
    found = bound(settings, [Passed("", listener)])
    assert found[Side.PUBLISH] == settings.publish_port
    assert found[Side.CLIENT] not in (0, settings.publish_port)


def test_one_that_is_for_nobody_is_refused_and_nothing_is_kept(listen: Listen) -> None:
    first, second = listen(), listen()
    settings = Settings(publish_port=port(first), client_port=0, host="127.0.0.1")
    stray = port(second)
    with pytest.raises(
        StartError, match=f"socket 'x' on port {stray} .* is for neither side: name it publish or client"
    ):
        bound(settings, [Passed("", first), Passed("x", second)])
    assert first.fileno() == second.fileno() == -1
