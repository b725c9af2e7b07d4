"""The queue of a burst channel's end: bounded, in order, and at its end where the other one is gone."""

import socket
from collections import deque
from collections.abc import Iterator

import pytest

from workers.shared.burst_socket import MOST_QUEUED_BYTES, BurstSocket, ChannelGone

BUFFER = bytearray(256 * 1024)
MESSAGE = bytes(64 * 1024)


@pytest.fixture
def ends() -> Iterator[tuple[BurstSocket, BurstSocket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield BurstSocket(ours), BurstSocket(theirs)


def test_messages_arrive_one_by_one(ends: tuple[BurstSocket, BurstSocket]) -> None:
    near, far = ends
    assert near.send([b"one", b"two"])
    assert [bytes(far.receive(BUFFER) or b"") for _ in range(2)] == [b"one", b"two"]
    assert far.receive(BUFFER) is None


def test_what_finds_no_room_waits_up_to_a_bound(ends: tuple[BurstSocket, BurstSocket]) -> None:
    near, far = ends
    sent = 0
    while near.send([b"%08d" % sent + MESSAGE]):
        sent += 1
    assert MOST_QUEUED_BYTES - 2 * len(MESSAGE) < near.queued_bytes <= MOST_QUEUED_BYTES
    for number in range(sent):
        message = far.receive(BUFFER)
        assert message is not None
        assert bytes(message[:8]) == b"%08d" % number
        near.flush()
    assert near.queued_bytes == 0
    assert far.receive(BUFFER) is None


def test_what_waited_at_another_worker_goes_first() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        near, far = BurstSocket(ours, deque([b"before"])), BurstSocket(theirs)
        assert near.send([b"after"])
        near.flush()
        assert [bytes(far.receive(BUFFER) or b"") for _ in range(2)] == [b"before", b"after"]


def test_an_end_that_is_gone_is_told(ends: tuple[BurstSocket, BurstSocket]) -> None:
    near, far = ends
    far.close()
    with pytest.raises(ChannelGone, match="closed by the other end"):
        near.receive(BUFFER)
    with pytest.raises(ChannelGone, match="lost: "):
        near.send([b"x"])
    assert near.queued_bytes == 0
