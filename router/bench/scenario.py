"""Scenarios: how many mounts and readers, by which transport, at which rate and in which bursts."""

import re
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from router.bench import trace
from router.bench.shape import Shape, ShapeError, uniform

Transport = Literal["udp", "tcp"]

_TEXT = re.compile(
    r"(?P<mounts>\d{1,5})x(?P<readers>\d{1,5})(?::(?P<transport>udp|tcp))?(?::(?P<rate>\d+(?:\.\d+)?))?(?::(?P<burst>\d{1,4}))?"
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of the table. `readers` counts those of each mount, `packets_per_s` what each mount's publisher sends."""

    mounts: int = 1
    readers: int = 1
    transport: Transport = "udp"
    packets_per_s: float = 1000.0
    burst: int = 10
    packet_bytes: int = 1200
    trace: str | None = None
    publish_transport: Transport = "udp"
    churn_per_s: float = 0.0
    """Readers of the same mounts that come and go beside those that are measured."""

    @property
    def name(self) -> str:
        """Name it as the command line does, and then some."""
        what = f"{self.mounts}x{self.readers} {self.transport.upper()}"
        what += f", {self.trace} trace" if self.trace else f", {self.packets_per_s:g}/s by {self.burst}"
        if self.publish_transport != "udp":
            what += ", published over TCP"
        return f"{what}, {self.churn_per_s:g} come and go/s" if self.churn_per_s else what

    def shape(self) -> Shape:
        """Say what each publisher sends.

        Raises:
            ShapeError: it can't be sent.
            OSError: the trace can't be read.
        """
        if self.trace is not None:
            return trace.load(self.trace)
        return uniform(self.packet_bytes, self.burst, self.packets_per_s)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def parse(text: str, like: Scenario) -> Scenario:
    """Read MOUNTSxREADERS[:udp|tcp][:PACKETS_PER_S][:BURST]; what is left out is as in `like`. Raises ShapeError."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ShapeError("not MOUNTSxREADERS[:udp|tcp][:PACKETS_PER_S][:BURST], such as 1x100:udp:1000:10")
    mounts, readers = int(match["mounts"]), int(match["readers"])
    if not mounts or not readers:
        raise ShapeError("no mounts or no readers: nothing would be delivered")
    return replace(
        like,
        mounts=mounts,
        readers=readers,
        transport="tcp" if (match["transport"] or like.transport) == "tcp" else "udp",
        packets_per_s=float(match["rate"] or like.packets_per_s),
        burst=int(match["burst"] or like.burst),
    )


QUICK = ("1x10:udp:1000", "1x100:udp:1000", "50x2:udp:200", "1x100:tcp:1000")
"""What runs if nothing is asked for."""
FULL = (
    "1x1:udp:1000",
    "1x10:udp:1000",
    "1x100:udp:1000",
    "50x2:udp:200",
    "200x2:udp:300",
    "300x1:udp:100",
    "1x100:tcp:1000",
    "50x2:tcp:200",
)
"""`--full`: the table of the README."""
SCALE = ("1x2000:udp:50", "1000x1:udp:30", "300x1:udp:100", "1x10:udp:12000:400")
"""`--scale`: many readers of one mount, many mounts, many publishers, large frames."""
