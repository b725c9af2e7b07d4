"""Descriptors that travel together under one token, in as many messages as the kernel makes of them.

Pure: descriptors are numbers here; whoever gets some back has to close them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

MOST_AT_ONCE = 253
"""SCM_MAX_FD: what one message may carry."""
LABEL_BYTES = 128
"""The longest label; a token is 16 characters."""
_MORE = "+"


def parcel(token: str, descriptors: Sequence[int]) -> Iterator[tuple[bytes, Sequence[int]]]:
    """Cut a parcel into messages, of a label and descriptors each: all labels but the last say that more comes."""
    for start in range(0, len(descriptors), MOST_AT_ONCE):
        end = start + MOST_AT_ONCE
        label = token if end >= len(descriptors) else token + _MORE
        yield label.encode("ascii"), descriptors[start:end]


def token_of(label: bytes) -> str:
    """Give the token of a message's label."""
    return label.decode("ascii").removesuffix(_MORE)


@dataclass(slots=True)
class _Parcel:
    deadline: float
    descriptors: list[int] = field(default_factory=list)
    whole: bool = False


class Parcels:
    """What came and was not claimed yet. The command or reply that names a token follows it within a millisecond."""

    def __init__(self, most: int, within_s: float) -> None:
        """Keep so many parcels at once, each for so long: after that nobody will ask for it."""
        self._most = most
        self._within_s = within_s
        self._parcels: dict[str, _Parcel] = {}

    def add(self, label: bytes, descriptors: list[int], now: float) -> list[int]:
        """Take one message; gives what must be closed for it: an earlier parcel of this token, or the oldest one."""
        token = token_of(label)
        unwanted: list[int] = []
        if token in self._parcels and self._parcels[token].whole:
            unwanted += self.claim(token)
        if token not in self._parcels:
            if len(self._parcels) >= self._most:
                unwanted += self._parcels.pop(next(iter(self._parcels))).descriptors
            self._parcels[token] = _Parcel(now + self._within_s)
        held = self._parcels[token]
        held.descriptors += descriptors
        held.whole = not label.endswith(_MORE.encode())
        return unwanted

    def __contains__(self, token: str) -> bool:
        return token in self._parcels and self._parcels[token].whole

    def claim(self, token: str) -> list[int]:
        """Give the descriptors of a token, as far as they have come; none if there are none."""
        held = self._parcels.pop(token, None)
        return [] if held is None else held.descriptors

    def expired(self, now: float) -> list[int]:
        """Give the descriptors that nobody has claimed in time."""
        late = [token for token, held in self._parcels.items() if held.deadline <= now]
        return [each for token in late for each in self.claim(token)]

    def clear(self) -> list[int]:
        """Give all descriptors."""
        return [each for token in list(self._parcels) for each in self.claim(token)]
