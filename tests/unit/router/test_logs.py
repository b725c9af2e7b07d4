"""Log lines: one for each event, whatever a peer's words are."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from router.logs import configure, get_logger, render_text


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("/cam", "/cam"),
        (3, "3"),
        (None, "None"),
        ("", '""'),
        ("two words", '"two words"'),
        ('"quoted"', r'"\"quoted\""'),
        ("a=b", '"a=b"'),
        ("line\nbreak", r'"line\nbreak"'),
        ("\x1b[31mred", r'"\u001b[31mred"'),
        ("\u2028", r'"\u2028"'),
        ("Zürich", "Zürich"),
    ],
)
def test_values_as_text(value: object, text: str) -> None:
    event = {"timestamp": "T", "level": "info", "program": "front", "event": "mount opened", "mount": value}
    assert render_text(None, "info", event) == f"T INFO    front: mount opened mount={text}"


def test_an_event_with_a_line_break_stays_one_line() -> None:
    event = {"timestamp": "T", "level": "warning", "program": "front", "event": "a\nb"}
    assert render_text(None, "warning", event) == r'T WARNING front: "a\nb"'


def test_a_traceback_stands_below() -> None:
    event = {"timestamp": "T", "level": "error", "program": "front", "event": "x", "exception": "Traceback"}
    assert render_text(None, "error", event) == "T ERROR   front: x\nTraceback"


def test_json_has_a_line_for_each_event_of_every_logger(capfd: pytest.CaptureFixture[str]) -> None:
    configure("info", "json", program="launcher")
    structlog.get_logger().info("program ended", name="worker 0", reason="SIGKILL")
    structlog.get_logger().debug("not this one")
    logging.getLogger("asyncio").warning("slow %s", "callback")
    out, err = capfd.readouterr()
    assert out == ""
    ended, slow = (json.loads(line) for line in err.splitlines())
    assert ended.pop("timestamp").endswith("Z")
    assert ended == {
        "level": "info",
        "program": "launcher",
        "event": "program ended",
        "name": "worker 0",
        "reason": "SIGKILL",
    }
    assert (slow["event"], slow["level"]) == ("slow callback", "warning")


def test_text_goes_to_standard_error_from_the_level_on(capfd: pytest.CaptureFixture[str]) -> None:
    configure("warning", "text")
    log = structlog.get_logger()
    log.info("not this one")
    try:
        raise OSError("gone")
    except OSError:
        log.exception("hook failed", hook="check_mount")
    out, err = capfd.readouterr()
    assert out == ""
    head, *trace = err.splitlines()
    assert head.endswith(" ERROR   front: hook failed hook=check_mount")
    assert trace[0] == "Traceback (most recent call last):"
    assert trace[-1] == "OSError: gone"


def test_a_program_that_embeds_the_router_finds_it_in_its_own_logging(caplog: pytest.LogCaptureFixture) -> None:
    log = get_logger("router.test")
    with caplog.at_level("INFO"):
        log.info("mount opened", mount="/cam a", worker=1)
        log.debug("not this one")
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        ("router.test", "INFO", 'mount opened mount="/cam a" worker=1')
    ]


def test_a_modules_logger_and_structlogs_own_look_the_same(capfd: pytest.CaptureFixture[str]) -> None:
    module = get_logger("router.test")  # as modules do, before anything is configured
    configure("info", "text")
    module.info("one", mount="/cam")
    structlog.get_logger().info("one", mount="/cam")
    first, second = (line.partition(" ")[2] for line in capfd.readouterr().err.splitlines())
    assert first == second == "INFO    front: one mount=/cam"
