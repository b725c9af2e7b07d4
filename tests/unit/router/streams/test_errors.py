"""Errors of streams: one base, and which packet of a burst it was."""

import pytest

from router.streams import errors
from router.streams.errors import PacketError, StreamError


def test_one_clause_catches_all_of_them() -> None:
    found = [each for each in vars(errors).values() if isinstance(each, type)]
    assert len(found) > 5
    assert all(issubclass(each, StreamError) for each in found)


@pytest.mark.parametrize("kind", [errors.NotRtp, errors.NotRtcp, errors.PacketTooLarge, errors.WrongPayloadType])
def test_the_packet_is_named_by_its_place(kind: type[PacketError]) -> None:
    assert (str(kind("too short", 3)), kind("too short", 3).index) == ("packet 3: too short", 3)
    assert kind("too short").index == 0
