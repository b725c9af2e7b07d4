"""Log lines: one for each event, whatever a peer's words are."""

import json
import logging
import re
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from router.logs import configure, get_logger
from workers.runtime.logs import configure as configure_worker

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    loggers = [logging.getLogger(), logging.getLogger("workers")]
    before = [(logger, logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, handlers, level, propagate in before:
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)
    structlog.reset_defaults()


def test_json_has_a_line_for_each_event_of_every_logger(capfd: pytest.CaptureFixture[str]) -> None:
    configure("info", "json", program="launcher")
    structlog.get_logger().info("program ended", name="worker 0", reason="SIGKILL")
    structlog.get_logger().debug("not this one")
    logging.getLogger("asyncio").warning("slow %s", "callback")
    out, err = capfd.readouterr()
    assert out == ""
    ended, slow = (json.loads(line) for line in err.splitlines())
    assert TIME.fullmatch(ended.pop("time"))
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


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_workers_lines_look_like_a_fronts(form: Literal["text", "json"], capfd: pytest.CaptureFixture[str]) -> None:
    keys: dict[str, object] = {"mount": "/a b", "ports": (1, 2), "user": None, "tracks": []}
    configure("info", form, program="worker 3")
    get_logger("router.test").info("mount opened", **keys)
    logging.getLogger("asyncio").info("mount opened", extra=keys)
    configure_worker(3, "info", form).info("mount opened", extra=keys)
    front, foreign, worker = capfd.readouterr().err.splitlines()
    assert TIME.sub("T", front) == TIME.sub("T", worker)
    if form == "json":
        assert list(json.loads(front)) == ["time", "level", "program", "event", "mount", "ports", "tracks"]
        assert list(json.loads(foreign)) == ["time", "level", "program", "event"]
    else:
        assert TIME.sub("T", front) == 'T INFO    worker 3: mount opened mount="/a b" ports=1,2 tracks=""'


def test_the_time_of_a_line_is_that_of_its_event(capfd: pytest.CaptureFixture[str]) -> None:
    configure("info", "text")
    record = logging.makeLogRecord({"name": "asyncio", "levelno": logging.INFO, "levelname": "INFO", "msg": "x"})
    record.created = 0.0625
    logging.getLogger("asyncio").handle(record)
    assert capfd.readouterr().err == "1970-01-01T00:00:00.062Z INFO    front: x\n"
