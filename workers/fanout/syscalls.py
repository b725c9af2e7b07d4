"""The ctypes side of libc: batched receive and send (recvmmsg(2), sendmmsg(2), udp(7)), and nothing else."""

import ctypes
from ctypes import c_char_p, c_int, c_size_t, c_uint, c_void_p, get_errno

SOL_UDP = 17
UDP_SEGMENT = 103
SO_RXQ_OVFL = 40
SO_SNDBUFFORCE = 32
SO_RCVBUFFORCE = 33
MSG_DONTWAIT = 0x40
MSG_TRUNC = 0x20


class IoVec(ctypes.Structure):
    """`struct iovec`. The pointer is typed as one to bytes: assigning a bytes object is then all it takes, and keeps
    the object alive as long as the kernel may read it."""

    _fields_ = (("base", c_char_p), ("length", c_size_t))


class MsgHdr(ctypes.Structure):
    """`struct msghdr`."""

    _fields_ = (
        ("name", c_void_p),
        ("name_length", c_uint),
        ("vector", c_void_p),
        ("vector_length", c_size_t),
        ("control", c_void_p),
        ("control_length", c_size_t),
        ("flags", c_int),
    )


class MMsgHdr(ctypes.Structure):
    """`struct mmsghdr`."""

    _fields_ = (("header", MsgHdr), ("length", c_uint))


class SegmentControl(ctypes.Structure):
    """`struct cmsghdr` with the size of a segment (UDP_SEGMENT), padded as CMSG_SPACE is."""

    _fields_ = (
        ("length", c_size_t),
        ("level", c_int),
        ("type", c_int),
        ("segment", ctypes.c_uint16),
        ("padding", ctypes.c_uint8 * (ctypes.sizeof(c_size_t) - 2)),
    )


class OverflowControl(ctypes.Structure):
    """`struct cmsghdr` with the count of packets that the kernel dropped at a socket (SO_RXQ_OVFL)."""

    _fields_ = (
        ("length", c_size_t),
        ("level", c_int),
        ("type", c_int),
        ("dropped", ctypes.c_uint32),
        ("padding", ctypes.c_uint8 * (ctypes.sizeof(c_size_t) - 4)),
    )


HEADER_BYTES = ctypes.sizeof(MMsgHdr)

_libc = ctypes.CDLL(None, use_errno=True)

recvmmsg = _libc.recvmmsg
recvmmsg.argtypes = (c_int, c_void_p, c_uint, c_int, c_void_p)
recvmmsg.restype = c_int

sendmmsg = _libc.sendmmsg
sendmmsg.argtypes = (c_int, c_void_p, c_uint, c_int)
sendmmsg.restype = c_int


def last_error() -> int:
    return get_errno()


def name_process(name: str) -> None:
    """Set the name that `ps` and `top` show for this thread (prctl(2)); 15 bytes of it."""
    _libc.prctl(15, name.encode()[:15], 0, 0, 0)
