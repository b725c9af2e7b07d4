"""When a report is due, here and at the worker that carries on."""

from tests.support.worker_parts import Parts
from workers.streams.report_timer import ReportTimer


class Scene:
    def __init__(self) -> None:
        self.parts = Parts()
        self.state = self.parts.track_state()
        self.called: list[float] = []
        self.timer = self.make()

    def make(self) -> ReportTimer:
        return ReportTimer(self.state, self.parts.resources.loop, self.called.append)


def test_the_last_moment_set_counts() -> None:
    scene = Scene()
    scene.timer.set(5.0)
    scene.timer.set(9.0)
    assert (scene.parts.loop.due, scene.state.report_at) == ([9.0], 9.0)
    scene.timer.stop()
    assert (scene.parts.loop.due, scene.state.report_at) == ([], None)


def test_it_goes_on_at_the_moment_that_was_set_elsewhere() -> None:
    scene = Scene()
    scene.timer.set(5.0)
    scene.timer.suspend()
    scene.timer.suspend()
    assert (scene.parts.loop.due, scene.state.report_at) == ([], 5.0)
    after = scene.make()
    after.resume(7.0)
    assert scene.parts.loop.due == [5.0]
    after.detach()
    assert (scene.parts.loop.due, scene.state.report_at) == ([], 5.0)


def test_where_none_was_wanted_none_is_made() -> None:
    scene = Scene()
    scene.timer.resume(1.0)
    scene.timer.stop()
    assert scene.parts.loop.due == []
