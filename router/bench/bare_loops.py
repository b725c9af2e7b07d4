"""The two yardsticks' data paths: what must be done to fan packets out, and nothing else.

`Batched` is the floor: recvmmsg, then one sendmmsg with UDP_SEGMENT for all readers; over TCP one write of the joined
frames for each reader. `OneByOne` is what a simple server does: a system call for each packet and reader.
Neither checks, counts or reports anything, nor knows of slow readers: it waits for them.
"""

import ctypes
import select
import socket
from typing import Protocol

from router.bench.messages import MessageHeaders
from workers.fanout.burst import frame_runs, run_ends
from workers.fanout.syscalls import (
    HEADER_BYTES,
    MSG_DONTWAIT,
    SOL_UDP,
    UDP_SEGMENT,
    IoVec,
    MMsgHdr,
    SegmentControl,
    last_error,
    recvmmsg,
    sendmmsg,
)

SLOTS = 64
_SLOT_BYTES = 9216
_MOST_MESSAGES = 1024
_EAGAIN = 11
_NAME_BYTES = 16
_WORDS = HEADER_BYTES // 4
_LENGTH_AT = MMsgHdr.length.offset // 4


class BareMount:
    """One mount's RTP socket and its readers."""

    def __init__(self, sock: socket.socket | None) -> None:
        self.sock = sock
        self.addresses: list[tuple[str, int]] = []
        self.connections: list[socket.socket] = []
        self._headers: tuple[ctypes.Array[MMsgHdr], ctypes.Array[ctypes.c_char]] | None = None

    def headers_at(self, vector: IoVec, control: SegmentControl) -> int:
        """Give the address of the message headers of all UDP readers, made at the first call."""
        if self._headers is None or len(self._headers[0]) != len(self.addresses):
            headers = (MMsgHdr * len(self.addresses))()
            names = ctypes.create_string_buffer(_NAME_BYTES * len(self.addresses))
            for place, (host, port) in enumerate(self.addresses):
                name = socket.AF_INET.to_bytes(2, "little") + port.to_bytes(2, "big") + socket.inet_aton(host)
                at = ctypes.addressof(names) + place * _NAME_BYTES
                ctypes.memmove(at, name, len(name))
                header = headers[place].header
                header.name, header.name_length = at, _NAME_BYTES
                header.vector, header.vector_length = ctypes.addressof(vector), 1
                header.control, header.control_length = ctypes.addressof(control), ctypes.sizeof(SegmentControl)
            self._headers = (headers, names)
        return ctypes.addressof(self._headers[0])


class Way(Protocol):
    """How packets get from a mount's socket to its readers."""

    def serve(self, mount: BareMount) -> None:
        """Send on all that waits in the mount's socket."""

    def serve_frames(self, mount: BareMount, packets: list[bytes], channel: int) -> None:
        """Send on what came interleaved."""


class Batched:
    """The floor."""

    def __init__(self) -> None:
        self._data = bytearray(SLOTS * _SLOT_BYTES)
        self._view = memoryview(self._data)
        data_at = ctypes.addressof(ctypes.c_char.from_buffer(self._data))
        self._headers = MessageHeaders([[(data_at + slot * _SLOT_BYTES, _SLOT_BYTES)] for slot in range(SLOTS)])
        self._headers_at = self._headers.at
        self._words = memoryview(self._headers.array).cast("B").cast("I")
        self._vector = IoVec()
        self._control = SegmentControl(SegmentControl.padding.offset, SOL_UDP, UDP_SEGMENT, 0)

    def serve(self, mount: BareMount) -> None:
        """Send on all that waits in the mount's socket."""
        assert mount.sock is not None
        fd = mount.sock.fileno()
        count = SLOTS
        while count == SLOTS:
            count = recvmmsg(fd, self._headers_at, SLOTS, MSG_DONTWAIT, None)
            if count > 0:
                lengths = self._words[_LENGTH_AT : count * _WORDS : _WORDS].tolist()
                starts = range(0, count * _SLOT_BYTES, _SLOT_BYTES)
                self._send(mount, fd, [self._view[at : at + n] for at, n in zip(starts, lengths, strict=True)], lengths)

    def _send(self, mount: BareMount, fd: int, packets: list[memoryview] | list[bytes], lengths: list[int]) -> None:
        start = 0
        runs = []
        for end in run_ends(lengths):
            data = b"".join(packets[start:end])
            if mount.addresses:
                self._send_run(mount, fd, data, lengths[start])
            runs.append((data, lengths[start], end - start))
            start = end
        if mount.connections:
            framed = frame_runs(runs, 0)
            for connection in mount.connections:
                write(connection, framed)

    def _send_run(self, mount: BareMount, fd: int, data: bytes, segment: int) -> None:
        headers_at = mount.headers_at(self._vector, self._control)
        self._vector.base = data
        self._vector.length = len(data)
        self._control.segment = segment
        done, count = 0, len(mount.addresses)
        while done < count:
            sent = sendmmsg(fd, headers_at + done * HEADER_BYTES, min(count - done, _MOST_MESSAGES), MSG_DONTWAIT)
            if sent > 0:
                done += sent
            elif last_error() == _EAGAIN:
                select.select([], [fd], [])
            else:
                done += 1

    def serve_frames(self, mount: BareMount, packets: list[bytes], channel: int) -> None:
        """Send on what came interleaved; to readers over TCP only."""
        runs = [(each, len(each), 1) for each in packets]
        framed = frame_runs(runs, channel)
        for connection in mount.connections:
            write(connection, framed)


class OneByOne:
    """A system call for each packet and reader."""

    def serve(self, mount: BareMount) -> None:
        """Send on all that waits in the mount's socket."""
        sock = mount.sock
        assert sock is not None
        while True:
            try:
                packet = sock.recv(_SLOT_BYTES)
            except BlockingIOError:
                return
            for address in mount.addresses:
                try:
                    sock.sendto(packet, address)
                except BlockingIOError:
                    select.select([], [sock], [])
                    sock.sendto(packet, address)
            if mount.connections:
                self.serve_frames(mount, [packet], 0)

    def serve_frames(self, mount: BareMount, packets: list[bytes], channel: int) -> None:
        """Send on what came interleaved."""
        for packet in packets:
            framed = frame_runs([(packet, len(packet), 1)], channel)
            for connection in mount.connections:
                write(connection, framed)


def write(connection: socket.socket, data: bytes) -> None:
    """Write all, waiting for room; a connection that has ended is left to whoever reads it."""
    view = memoryview(data)
    while view:
        try:
            view = view[connection.send(view) :]
        except BlockingIOError:
            select.select([], [connection], [])
        except OSError:
            return
