"""Prebuilt message headers of a socket's UDP readers: added and removed one by one, never built anew."""

import ctypes

from workers.contract.image import DeliveryImage
from workers.fanout.syscalls import HEADER_BYTES, SOL_UDP, UDP_SEGMENT, IoVec, MMsgHdr, SegmentControl
from workers.sockets.addresses import Family

_NAME_BYTES = 32
_NAMES_IN_BLOCK = 16


class Arena:
    """What all headers of a worker point to: the buffer being sent and the length of its segments."""

    def __init__(self) -> None:
        self.vector = IoVec()
        self.control = SegmentControl(SegmentControl.padding.offset, SOL_UDP, UDP_SEGMENT, 0)
        self.vector_at = ctypes.addressof(self.vector)
        self.control_at = ctypes.addressof(self.control)


class Destination:
    """Where one reader, or a group, gets what one socket sends."""

    __slots__ = ("index", "name", "offered_before", "state", "table", "target")

    def __init__(self, name: str, state: DeliveryImage, family: Family) -> None:
        """`name` is the reader's session, "" for a group: one of a kind on its socket."""
        self.name = name
        self.state = state
        self.target = family.target(state.address)
        self.table: Table | None = None
        """The table whose member it is; None while it gets nothing."""
        self.index = 0
        self.offered_before = 0


class Table:
    """Headers and addresses of some readers, one after the other as the kernel wants them."""

    def __init__(self, family: Family, arena: Arena) -> None:
        self._name_length = family.length
        self._arena = arena
        self.members: list[Destination] = []
        self._names: list[ctypes.Array[ctypes.c_char]] = []
        self._prepared = 0
        self._capacity = 4
        self._segmented = (MMsgHdr * self._capacity)()
        self._plain = (MMsgHdr * self._capacity)()
        self.segmented_at = ctypes.addressof(self._segmented)
        """Where the headers that name a length of segments begin."""
        self.plain_at = ctypes.addressof(self._plain)
        """Where the same headers without one begin."""

    def add(self, member: Destination) -> None:
        index = len(self.members)
        if index == self._capacity:
            self._grow()
        if index == self._prepared:
            self._prepare(index)
        member.table, member.index = self, index
        self.members.append(member)
        self.write(member)

    def remove(self, member: Destination) -> None:
        """Take a member out; the last one moves to its place."""
        last = self.members.pop()
        if last is not member:
            last.index = member.index
            self.members[last.index] = last
            self.write(last)
        member.table = None

    def write(self, member: Destination) -> None:
        """Write a member's address to where its headers point."""
        ctypes.memmove(self._name_at(member.index), member.state.address, self._name_length)

    def _name_at(self, index: int) -> int:
        block, place = divmod(index, _NAMES_IN_BLOCK)
        return ctypes.addressof(self._names[block]) + place * _NAME_BYTES

    def _prepare(self, index: int) -> None:
        if index % _NAMES_IN_BLOCK == 0:
            self._names.append(ctypes.create_string_buffer(_NAMES_IN_BLOCK * _NAME_BYTES))
        for headers in (self._segmented, self._plain):
            header = headers[index].header
            header.name = self._name_at(index)
            header.name_length = self._name_length
            header.vector = self._arena.vector_at
            header.vector_length = 1
        header = self._segmented[index].header
        header.control = self._arena.control_at
        header.control_length = ctypes.sizeof(SegmentControl)
        self._prepared += 1

    def _grow(self) -> None:
        """Double the room. The names stay where they are, so the headers are copied as they are."""
        self._capacity *= 2
        segmented, plain = (MMsgHdr * self._capacity)(), (MMsgHdr * self._capacity)()
        for new, old in ((segmented, self._segmented), (plain, self._plain)):
            ctypes.memmove(new, old, len(old) * HEADER_BYTES)
        self._segmented, self._plain = segmented, plain
        self.segmented_at, self.plain_at = ctypes.addressof(segmented), ctypes.addressof(plain)
