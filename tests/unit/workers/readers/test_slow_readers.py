"""What the log says of a reader that is too slow: seldom, and with nothing forgotten."""

import logging

import pytest

from tests.support.worker_parts import FakeConnection, Parts
from workers.contract.image import CatchingUpImage
from workers.readers.slow_readers import LOG_INTERVAL_S, SlowReaderLog


class Scene:
    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        self.parts, self._caplog = Parts(), caplog
        self.log = SlowReaderLog("s", "/cam", 1, FakeConnection().real, self.parts.resources)

    def lag(self, since: float, until: float, packets: int = 3) -> None:
        """Let it miss packets for a while."""
        self.log.fell_behind(since)
        self.parts.loop.now = until
        self.log.caught_up(CatchingUpImage(since, packets, packets * 100))

    @property
    def told(self) -> list[tuple[str, dict[str, object]]]:
        names = ("times", "packets", "bytes", "for_s")
        found = self._caplog.records
        return [(each.getMessage(), {name: vars(each)[name] for name in names if name in vars(each)}) for each in found]


def test_both_ends_are_told_with_who_it_is(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(caplog)
    scene.lag(100.0, 100.5)
    begin, end = caplog.records
    assert (begin.levelno, begin.getMessage()) == (logging.WARNING, "reader too slow")
    about = vars(begin)
    assert (about["session"], about["mount"], about["track"], about["peer"]) == ("s", "/cam", 1, "10.0.0.1:5000")
    assert (end.levelno, scene.told[1]) == (
        logging.INFO,
        ("reader keeps up again", {"times": 1, "packets": 3, "bytes": 300, "for_s": 0.5}),
    )


def test_what_happens_between_two_lines_is_in_the_next_ones_sums(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(caplog)
    for second in range(5):
        scene.lag(100.0 + second, 100.5 + second)
    assert len(scene.told) == 2
    scene.lag(100.0 + LOG_INTERVAL_S, 101.0 + LOG_INTERVAL_S)
    assert [text for text, _ in scene.told[2:]] == ["reader too slow", "reader keeps up again"]
    assert scene.told[3][1] == {"times": 5, "packets": 15, "bytes": 1500, "for_s": 3.0}


def test_what_was_not_told_yet_is_told_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(caplog)
    scene.lag(100.0, 100.5)
    scene.lag(101.0, 101.5)
    scene.log.close()
    scene.log.close()
    assert [text for text, _ in scene.told] == ["reader too slow", "reader keeps up again", "reader was too slow"]
