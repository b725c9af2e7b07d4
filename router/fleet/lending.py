"""Which ports of which slice are lent: mounts keep their ports when they move to another worker. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Slices:
    """The workers' shares of the UDP ports: equal, and beginning at even ports. What is left over belongs to nobody."""

    start: int
    size: int

    @classmethod
    def share(cls, start: int, count: int, workers: int) -> "Slices":
        """Cut a range of ports into as many slices as there are workers."""
        return cls(start, count // workers & ~1)

    def first(self, worker: int) -> int:
        """Give the first port of a worker's slice."""
        return self.start + worker * self.size

    def owner(self, port: int) -> int:
        """Give the worker whose slice a port is of."""
        return (port - self.start) // self.size


def lent(slices: Slices, mounts: Iterable[tuple[int, Iterable[int]]]) -> Mapping[int, tuple[int, ...]]:
    """Say which RTP ports each worker has lent; `mounts` are the workers that have them, and their ports."""
    found: dict[int, list[int]] = {}
    for worker, ports in mounts:
        for port in ports:
            owner = slices.owner(port)
            if owner != worker:
                found.setdefault(owner, []).append(port)
    return {owner: tuple(sorted(ports)) for owner, ports in found.items()}
