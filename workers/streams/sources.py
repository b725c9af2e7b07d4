"""Who may send to a mount's ports (DESIGN section 7), decided by addresses alone. Pure: bytes in, verdicts out."""

from typing import Generic, TypeVar

from workers.contract.image import SourceImage
from workers.fanout.receive import SLOTS
from workers.sockets.addresses import Family

Who = TypeVar("Who")

_NOBODY = b"\xff" * 28 * SLOTS


class PublisherPort:
    """Where the publisher's packets to one of our sockets come from.

    It is the port that the publisher has declared. Until something comes from there, the first packet from the same
    host that proves to be the publisher's (the caller judges that) is believed instead: a NAT has changed the port.
    The declared port, once it is heard, always wins.
    """

    def __init__(self, family: Family, state: SourceImage) -> None:
        self._family = family
        self._state = state
        self.block = _NOBODY
        """The expected address for every slot of a batch, one after the other."""
        self._expect(state.expected)

    @property
    def expected(self) -> bytes | None:
        """Where the packets come from, as far as is known; where ours to the publisher go."""
        return self._state.expected

    def declare(self, address: bytes | None) -> None:
        """Expect a publisher there; None: it has no address, or is gone."""
        self._state.declared = address
        self._state.heard = False
        self._expect(address)

    def _expect(self, address: bytes | None) -> None:
        self._state.expected = address
        self.block = address * SLOTS if address is not None else _NOBODY

    def knows(self, address: bytes) -> bool:
        """Tell whether this is the publisher's address, declared or latched."""
        return address in (self._state.expected, self._state.declared)

    def on_packet(self, address: bytes) -> None:
        """A packet came from an address that `knows` knows."""
        if address == self._state.declared and not self._state.heard:
            self._state.heard = True
            self._expect(address)

    def confirm(self) -> None:
        """A batch came from where it is expected."""
        state = self._state
        if not state.heard:
            state.heard = state.expected == state.declared

    def may_latch(self, address: bytes) -> bool:
        """Tell whether a packet from here could be the publisher's, behind a NAT."""
        state = self._state
        return (
            state.declared is not None
            and not state.heard
            and state.expected == state.declared
            and self._family.host(address) == self._family.host(state.declared)
        )

    def latch(self, address: bytes) -> None:
        """Believe that the publisher's packets come from here."""
        self._expect(address)


class AddressBook(Generic[Who]):
    """The UDP addresses of one mount's readers, and who of a host has not been heard yet on which port."""

    def __init__(self, family: Family) -> None:
        self._family = family
        self._owners: dict[bytes, list[Who]] = {}
        self._unheard: dict[tuple[int, bytes], dict[Who, None]] = {}

    def add(self, address: bytes, who: Who) -> None:
        """Register an address. Two sessions may name the same one: the earlier may be dead and not yet gone."""
        self._owners.setdefault(address, []).append(who)

    def remove(self, address: bytes, who: Who) -> None:
        """Take an address out of the book."""
        owners = self._owners.get(address, [])
        if who in owners:
            owners.remove(who)
            if not owners:
                del self._owners[address]

    def find(self, address: bytes) -> Who | None:
        """Give the last one who registered this address."""
        owners = self._owners.get(address)
        return owners[-1] if owners else None

    def await_sign(self, port: int, address: bytes, who: Who) -> None:
        """Take note that nothing has come yet to our `port` from this reader's address."""
        self._unheard.setdefault((port, self._family.host(address)), {})[who] = None

    def end_waiting(self, port: int, address: bytes, who: Who) -> None:
        """Take note that something has come, or that nobody waits for it any more."""
        key = (port, self._family.host(address))
        waiting = self._unheard.get(key, {})
        if who in waiting:
            del waiting[who]
            if not waiting:
                del self._unheard[key]

    def only_unheard(self, port: int, address: bytes) -> Who | None:
        """Give the one reader of this address's host that has not been heard on our `port`; None if not exactly one."""
        waiting = self._unheard.get((port, self._family.host(address)), {})
        return next(iter(waiting)) if len(waiting) == 1 else None
