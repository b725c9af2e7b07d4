"""A whole run: every scenario on every server, several times, in an order that is fair to all."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from router.bench import report
from router.bench.cell import Conditions, Measurement, measure
from router.bench.load import LoadError
from router.bench.scenario import Scenario
from router.bench.targets import Target, TargetError

MakeTarget = Callable[[Scenario], AbstractContextManager[Target]]


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One measurement that is to be made."""

    scenario: Scenario
    target: str
    repeat: int


def steps(scenarios: Sequence[Scenario], targets: Sequence[str], repeats: int, seed: int) -> list[PlannedRun]:
    """Put everything in order: servers take turns within a scenario, so that whatever else runs here meets them all;
    who begins changes from repeat to repeat."""
    order = random.Random(seed)
    found = []
    for repeat in range(repeats):
        for scenario in order.sample(scenarios, len(scenarios)) if repeat else scenarios:
            turns = order.sample(targets, len(targets)) if repeat else list(targets)
            found += [PlannedRun(scenario, target, repeat) for target in turns]
    return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """All results, and what failed."""

    results: list[Measurement]
    failures: list[str]


def run(todo: Sequence[PlannedRun], targets: dict[str, MakeTarget], conditions: Conditions) -> Outcome:
    """Make all measurements, with progress on standard error."""
    outcome = Outcome([], [])
    with _progress(len(todo)) as told:
        for step in todo:
            told(f"{step.scenario.name}: {step.target}", "")
            try:
                with targets[step.target](step.scenario) as target:
                    result = measure(step.scenario, target, step.repeat, conditions)
            except (LoadError, TargetError) as error:
                outcome.failures.append(f"{step.scenario.name}: {step.target}: {error}")
                told("", outcome.failures[-1])
                continue
            outcome.results.append(result)
            told("", f"{step.scenario.name}: {step.target}: {result.cpu_us:.2f} µs a packet" + _faults(result))
    return outcome


def _faults(result: Measurement) -> str:
    if result.clean:
        return ""
    shown = ("lost", "damaged", "reordered", "duplicated", "silent", "ended", "dropped_by_load")
    return " (" + ", ".join(f"{name} {result.counts[name]}" for name in shown if result.counts[name]) + ")"


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str, str], None]]:
    """Give a function that takes what begins, or what is done; a bar on a terminal, lines elsewhere."""
    out = report.console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as progress:
        task = progress.add_task("", total=total)

        def told(begins: str, done: str) -> None:
            if begins:
                progress.update(task, description=begins)
            else:
                progress.advance(task)
                out.print(done)

        yield told
