"""What every part of a worker process has from its start on."""

import logging
from dataclasses import dataclass

from workers.runtime.counters import Counters
from workers.runtime.logs import OncePerMinute
from workers.runtime.loop import Loop


@dataclass(frozen=True, slots=True)
class Runtime:
    """One worker process: its name among all that ever were, its loop, what it counts, logs and complains of."""

    incarnation: str
    loop: Loop
    counters: Counters
    logger: logging.Logger
    complaints: OncePerMinute
