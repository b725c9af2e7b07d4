"""Sequence numbers of 16 bits that wrap around (RFC 3550 appendix A.1), many at a time."""

import sys
from array import array

_MODULUS = 1 << 16
MOST_AT_ONCE = 1024
"""The longest row of packets that `row` can spell; a burst has 64, or what one read of a connection brings."""


def _spell_all() -> bytes:
    numbers = array("H", range(_MODULUS))
    numbers.extend(range(MOST_AT_ONCE))
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers.tobytes()


_ALL = _spell_all()


def row(first: int, count: int) -> bytes:
    """Spell `count` sequence numbers from `first` on as they stand in packets: big-endian, one after the other."""
    return _ALL[2 * first : 2 * (first + count)]


def after(sequence: int) -> int:
    return (sequence + 1) % _MODULUS


def distance(earlier: int, later: int) -> int:
    """Count the steps from one number forward to the other, 0 to 65535."""
    return (later - earlier) % _MODULUS
