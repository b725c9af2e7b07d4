"""The kernel's structures as ctypes: sizes and places are those of its own headers on a 64-bit machine."""

import ctypes
import errno
import socket
import threading
from pathlib import Path

import pytest

from workers.fanout import syscalls
from workers.fanout.syscalls import HEADER_BYTES, MMsgHdr, MsgHdr, OverflowControl, SegmentControl


def test_structures_are_as_long_as_the_kernels() -> None:
    if ctypes.sizeof(ctypes.c_void_p) != 8:
        pytest.skip("the sizes below are those of 64 bits")
    assert ctypes.sizeof(MsgHdr) == 56
    assert HEADER_BYTES == ctypes.sizeof(MMsgHdr) == 64
    assert MMsgHdr.length.offset == 56


def test_control_messages_are_laid_out_as_the_socket_module_does() -> None:
    assert ctypes.sizeof(SegmentControl) == socket.CMSG_SPACE(2)
    assert SegmentControl.padding.offset == socket.CMSG_LEN(2)
    assert ctypes.sizeof(OverflowControl) == socket.CMSG_SPACE(4)
    assert OverflowControl.padding.offset == socket.CMSG_LEN(4)


def test_an_error_of_a_call_is_kept() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        closed = sock.fileno()
    assert syscalls.sendmmsg(closed, None, 0, 0) == -1
    assert syscalls.last_error() == errno.EBADF


@pytest.mark.parametrize(("name", "shown"), [("trunkline-w0", "trunkline-w0"), ("a" * 40, "a" * 15)])
def test_a_name_is_shown_as_far_as_the_kernel_keeps_it(name: str, shown: str) -> None:
    seen: list[str] = []

    def take_it() -> None:  # in a thread of its own: the tests' keeps its name
        syscalls.name_process(name)
        seen.append(Path(f"/proc/self/task/{threading.get_native_id()}/comm").read_text().strip())

    thread = threading.Thread(target=take_it)
    thread.start()
    thread.join()
    assert seen == [shown]
