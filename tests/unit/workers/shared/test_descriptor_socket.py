"""Descriptors through the socket: all of a parcel, and nothing of what is none."""

import os
import socket
from collections.abc import Iterator

import pytest

from workers.shared.descriptor_socket import DescriptorSocket, GarbageError, close_all, credentials_of
from workers.shared.parcels import parcel


@pytest.fixture
def ends() -> Iterator[tuple[DescriptorSocket, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        near = DescriptorSocket(ours, 2)
        yield near, theirs
        near.close()


def is_open(descriptor: int) -> bool:
    return os.path.exists(f"/proc/self/fd/{descriptor}")


def test_a_parcel_of_many_messages_arrives_in_order(ends: tuple[DescriptorSocket, socket.socket]) -> None:
    near, far = ends
    sender = DescriptorSocket(far.dup(), 2)
    numbers = [os.eventfd(each) for each in range(300)]
    for label, part in parcel("token", numbers):
        assert "token" not in near
        assert sender.send(label, part)
        assert near.receive(0.0)
    came = near.claim("token")
    assert [os.eventfd_read(each) if at else 0 for at, each in enumerate(came)] == list(range(300))
    close_all([*numbers, *came])
    sender.close()


def test_unclaimed_descriptors_are_closed_in_time(ends: tuple[DescriptorSocket, socket.socket]) -> None:
    near, far = ends
    socket.send_fds(far, [b"token"], [far.fileno()])
    assert near.receive(5.0)
    near.sweep(14.9)
    assert "token" in near
    near.sweep(15.0)
    assert "token" not in near


def test_garbage_is_told_and_what_came_behind_it_is_kept(ends: tuple[DescriptorSocket, socket.socket]) -> None:
    near, far = ends
    far.send(b"no descriptor")
    socket.send_fds(far, [b"\xff"], [far.fileno()])
    socket.send_fds(far, [b"token"], [far.fileno()])
    for _ in range(2):
        with pytest.raises(GarbageError):
            near.receive(0.0)
    assert near.receive(0.0)
    (descriptor,) = near.claim("token")
    assert is_open(descriptor)
    os.close(descriptor)


def test_the_end_of_the_other_end_is_told(ends: tuple[DescriptorSocket, socket.socket]) -> None:
    near, far = ends
    assert near.receive(0.0)
    far.close()
    assert not near.receive(0.0)
    with pytest.raises(OSError, match="Broken pipe"):
        near.send(b"token", [0])


def test_this_user_is_trusted() -> None:
    near, far = socket.socketpair()
    with near, far:
        credentials = credentials_of(near)
        assert (credentials.pid, credentials.uid) == (os.getpid(), os.geteuid())
        assert credentials.are_trusted
        assert not credentials._replace(uid=os.geteuid() + 1).are_trusted or os.geteuid() + 1 == 0
