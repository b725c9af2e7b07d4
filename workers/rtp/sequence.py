"""Sequence numbers of 16 bits that wrap around (RFC 3550 appendix A.1), many at a time."""

from struct import pack

_MODULUS = 1 << 16
MOST_AT_ONCE = 1024
"""The longest row of packets that `row` can spell; a burst has 64, or what one read of a connection brings."""

_ALL = b"".join(pack("!H", each % _MODULUS) for each in range(_MODULUS + MOST_AT_ONCE))


def row(first: int, count: int) -> bytes:
    """Spell `count` sequence numbers from `first` on as they stand in packets: big-endian, one after the other."""
    return _ALL[2 * first : 2 * (first + count)]


def after(sequence: int) -> int:
    """Give the next sequence number."""
    return (sequence + 1) % _MODULUS


def distance(earlier: int, later: int) -> int:
    """Count the steps from one number forward to the other, 0 to 65535."""
    return (later - earlier) % _MODULUS
