"""Whatever comes in on the inner sockets: counted, dropped, never fatal."""

import array
import os
import random
import socket
import time

import msgpack
import pytest
import zmq

from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.router import RouterProcess, StartRouter
from workers.contract.codec import Envelope, encode
from workers.contract.commands import Respond
from workers.contract.endpoints import Endpoints
from workers.contract.events import ConnectionClosed, Heartbeat, Hello, MediaSilent, RequestReceived
from workers.contract.replies import Done

SEED = 20_261_120
HELLO_WITHIN_S = 5.0
"""How long a newcomer may take to say who it is."""


def check_serves(router: RouterProcess, path: str) -> None:
    """See that media still goes its whole way, and that no program was replaced."""
    with (
        Publisher(router.publish(path), transport="tcp").start() as publisher,
        Reader(router.read(path)).start() as reader,
    ):
        publisher.send(5)
        reader.receive(5)
        reader.check(publisher)


def pids(router: RouterProcess) -> list[int]:
    """Return the process ids of the front and its workers."""
    status = router.status()
    return [status["front"]["pid"], *(worker["pid"] for worker in status["workers"])]


def garbage_frames() -> list[list[bytes]]:
    """Messages that are none, from nothing at all to almost right."""
    chance = random.Random(SEED)
    envelope = [1, "Hello", "", "w", 0, {"index": 0, "pid": 1, "version": "1"}]
    frames: list[list[bytes]] = [[b""], [b"", b""], [b"\0"], [b"\xc1"], [b"\xff" * 100_000], [b"a", b"b", b"c"]]
    frames += [[chance.randbytes(chance.randrange(1, 200))] for _ in range(200)]
    values: list[object] = [None, 1, [], {}, [1, 2, 3], "x", [[[[]]]], {"a": {}}]
    frames += [[msgpack.packb(value)] for value in values]
    frames.append([b"\x91" * 5000])  # nested deeper than any parser likes
    wrong: object
    for index in range(6):
        for wrong in (None, -1, "x" * 200_000, [], {}, 2**63, b"\xff"):
            frames.append([msgpack.packb([wrong if at == index else each for at, each in enumerate(envelope)])])
    for wrong in ({}, {"index": -1, "pid": 1, "version": ""}, {"index": 4096, "pid": 1, "version": ""}, {"index": "0"}):
        frames.append([msgpack.packb([*envelope[:5], wrong])])
    return frames


def test_garbage_on_the_zeromq_socket(start_router: StartRouter, path: str) -> None:
    router = start_router()
    before, messages = pids(router), garbage_frames()
    context = zmq.Context()
    try:
        with context.socket(zmq.DEALER) as sock:
            sock.linger = 0
            sock.connect(Endpoints(router.runtime_dir).control)
            for frames in messages:
                sock.send_multipart(frames)
            router.wait_until(
                lambda status: status["front"]["malformed_messages"] >= len(messages) - 5, "all of it counted"
            )
            check_serves(router, path)
    finally:
        context.term()
    assert pids(router) == before
    assert router.log.count("malformed") < 20  # logged once a minute, not once a message


def test_messages_in_another_workers_name(start_router: StartRouter, path: str) -> None:
    """Well-formed, but from an incarnation that nobody welcomed: events that would end other people's sessions."""
    router = start_router()
    before = pids(router)
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path)).start() as reader,
    ):
        publisher.send(3)
        reader.receive(3)
        context = zmq.Context()
        try:
            with context.socket(zmq.DEALER) as sock:
                sock.linger = 0
                sock.connect(Endpoints(router.runtime_dir).control)
                for name in ("", "0123456789abcdef"):
                    for message in (
                        ConnectionClosed("1", "made up"),
                        RequestReceived("1", b"TEARDOWN rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
                        MediaSilent(path, 1),
                        Heartbeat(1, 1, 1, 1, 1, 1, (), 0.0, 0.0, 1, 1, False),
                        Done(),
                        Respond("1", b"RTSP/1.0 200 OK\r\n\r\n", True),
                    ):
                        sock.send(encode(Envelope("fedcba9876543210", name, 1, message)))
                sock.send(encode(Envelope("", "intruder", 0, Hello(999, os.getpid(), "0.0.0"))))
                check_serves(router, f"{path}-2")
        finally:
            context.term()
        publisher.send(3)
        reader.receive(6)
        reader.check(publisher)
    status = router.status()
    assert pids(router) == before
    assert [worker["state"] for worker in status["workers"]] == ["ready", "ready"]


def test_bytes_that_are_no_zeromq(router: RouterProcess, path: str) -> None:
    before = pids(router)
    for data in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 10_000, b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0", b""):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.connect(str(Endpoints(router.runtime_dir).control_path))
            sock.sendall(data)
    check_serves(router, path)
    assert pids(router) == before


def test_garbage_on_the_descriptors_socket(start_router: StartRouter, path: str) -> None:
    router = start_router()
    before = pids(router)
    chance = random.Random(SEED)
    address = str(Endpoints(router.runtime_dir).descriptors_path)
    at_start = router.settled_descriptors()
    held = []
    for data in (b"", b"x", b"0" * 16, b"\xff" * 200, chance.randbytes(60_000), b"0123456789abcdef"):
        for with_descriptors in (0, 1, 200):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            held.append(sock)
            sock.connect(address)
            read_end, write_end = os.pipe()
            numbers = array.array("i", [read_end] * with_descriptors)
            try:
                ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)] if with_descriptors else []
                sock.sendmsg([data], ancillary)
                sock.send(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # turned away at the first message already
            finally:
                os.close(read_end)
                os.close(write_end)
    check_serves(router, path)
    for sock in held:
        sock.close()
    assert pids(router) == before
    router.wait_descriptors(at_start)
    check_serves(router, f"{path}-2")
    complaints = [line for line in router.log.splitlines() if "stranger at the descriptors' socket" in line]
    assert len(complaints) == 1, "said, and said once: whoever sends garbage may send much of it"
    assert f"process {os.getpid()} " in complaints[0]


def test_a_stranger_that_says_nothing_is_dropped(router: RouterProcess, path: str) -> None:
    before = pids(router)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.settimeout(3 * HELLO_WITHIN_S)
        sock.connect(str(Endpoints(router.runtime_dir).descriptors_path))
        started = time.monotonic()
        assert sock.recv(100) == b""
        assert time.monotonic() - started >= HELLO_WITHIN_S - 1
    check_serves(router, path)
    assert pids(router) == before


def test_a_wrong_socket_type_on_the_descriptors_socket(router: RouterProcess, path: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock, pytest.raises(OSError, match="rotocol"):
        sock.connect(str(Endpoints(router.runtime_dir).descriptors_path))
    check_serves(router, path)


def test_nobody_else_gets_into_the_runtime_directory(router: RouterProcess) -> None:
    assert router.runtime_dir.stat().st_mode & 0o777 == 0o700
