"""The workers of a server that is part of a program: its children, which end with it however it ends."""

import functools
import os
from collections import Counter
from collections.abc import Callable

from router.programs.kinds import environment, worker_command
from router.programs.process import Program
from router.programs.supervisor import Supervisor, ending
from router.settings import Settings

MOST_KILLED = 5
"""How often a worker may be killed before it was ready: the machine may be out of memory for a while."""


def own_workers(settings: Settings, on_failed: Callable[[str], None], is_ready: Callable[[], bool]) -> Supervisor:
    """Prepare to run a server's workers.

    `on_failed` is told why they can't start: one that ends with a status of its own before `is_ready` would do so every
    time. Later they are started again whatever happens.
    """
    killed: Counter[int] = Counter()

    def ended(number: int, status: int | None) -> bool:
        assert status is not None  # it is our child
        killed[number] += 1
        if is_ready() or (status <= 0 and killed[number] < MOST_KILLED):
            return True
        on_failed(f"worker {number} can't start: {ending(status)}; standard error has what it said")
        return False

    variables = environment()
    workers = [
        Program(
            f"worker {number}",
            worker_command(settings, number, parent=os.getpid()),
            variables,
            on_exit=functools.partial(ended, number),
        )
        for number in range(settings.worker_count)
    ]
    return Supervisor(workers, stop_timeout_s=settings.stop_timeout_s)
