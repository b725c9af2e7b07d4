"""Tables of readers as the kernel sees them: each header points to its own reader's address, whoever comes and goes."""

import ctypes

import pytest

from workers.contract.image import DeliveryImage
from workers.fanout.destinations import Arena, Destination, Table
from workers.fanout.syscalls import HEADER_BYTES, MMsgHdr, SegmentControl
from workers.sockets.addresses import IPV4, IPV6, Family


def member(number: int, family: Family = IPV4) -> Destination:
    address = family.pack("10.0.0.1" if family is IPV4 else "2001:db8::1", number)
    return Destination(str(number), DeliveryImage(address=address), family)


def addresses(table: Table, start: int) -> list[bytes]:
    """Read the addresses that the headers from `start` on point to, as the kernel would."""
    found = []
    for index in range(len(table.members)):
        header = MMsgHdr.from_address(start + index * HEADER_BYTES).header
        found.append(ctypes.string_at(header.name, header.name_length))
    return found


def check(table: Table) -> None:
    expected = [each.state.address for each in table.members]
    assert addresses(table, table.segmented_at) == expected
    assert addresses(table, table.plain_at) == expected
    assert [(each.table, each.index) for each in table.members] == [(table, index) for index in range(len(expected))]


@pytest.mark.parametrize("family", [IPV4, IPV6])
@pytest.mark.parametrize("count", [1, 4, 5, 16, 17, 100])
def test_each_header_points_to_its_readers_address_however_often_the_table_grew(family: Family, count: int) -> None:
    table = Table(family, Arena())
    for number in range(count):
        table.add(member(5000 + number, family))
    check(table)


@pytest.mark.parametrize("place", [0, 7, 19])
def test_the_last_reader_takes_the_place_of_one_that_leaves(place: int) -> None:
    table = Table(IPV4, Arena())
    members = [member(5000 + number) for number in range(20)]
    for each in members:
        table.add(each)
    table.remove(members[place])
    assert members[place].table is None
    assert {id(each) for each in table.members} == {id(each) for each in members} - {id(members[place])}
    check(table)
    table.add(members[place])
    check(table)


def test_only_the_segmented_headers_name_a_length_and_all_share_one_buffer() -> None:
    arena = Arena()
    table = Table(IPV4, arena)
    for number in range(5):
        table.add(member(5000 + number))
    arena.control.segment = 1200
    for index in range(5):
        segmented = MMsgHdr.from_address(table.segmented_at + index * HEADER_BYTES).header
        plain = MMsgHdr.from_address(table.plain_at + index * HEADER_BYTES).header
        assert segmented.vector == plain.vector == arena.vector_at
        assert SegmentControl.from_address(segmented.control).segment == 1200
        assert segmented.control_length == ctypes.sizeof(SegmentControl)
        assert (plain.control, plain.control_length) == (None, 0)


def test_a_reader_that_is_elsewhere_now_is_written_anew() -> None:
    table = Table(IPV4, Arena())
    members = [member(5000), member(5001)]
    for each in members:
        table.add(each)
    members[0].state.address = IPV4.pack("10.0.0.9", 9)
    table.write(members[0])
    check(table)
