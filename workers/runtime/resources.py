"""What all mounts and connections of one worker share."""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from workers.contract.commands import Welcome
from workers.contract.messages import Event
from workers.fanout.destinations import Arena
from workers.fanout.receive import Receiver
from workers.runtime.counters import Counters
from workers.runtime.loop import Loop
from workers.sockets.addresses import Family
from workers.sockets.ports import PortPairs

READ_BYTES = 256 * 1024
"""What one connection may have in one turn: a key frame, and no more, so that it cannot starve the others."""


@dataclass(slots=True)
class Resources:
    """Made once a front has taken the worker on. `tell` sends an event to the front."""

    loop: Loop
    counters: Counters
    logger: logging.Logger
    tell: Callable[[Event], None]
    settings: Welcome
    family: Family
    bind_address: str
    receiver: Receiver
    ports: PortPairs
    name: str
    """The worker's incarnation: the CNAME of its receiver reports."""
    stream_buffer: bytearray = field(default_factory=lambda: bytearray(READ_BYTES))
    """What a connection reads into; one at a time."""
    arena: Arena = field(default_factory=Arena)
    randomness: random.Random = field(default_factory=random.SystemRandom)
