"""Lines about hosts: a bounded number, and a count of the rest."""

import asyncio
from typing import Any

import pytest

from router import host_log
from router.host_log import BURST, MAX_HOSTS, HostLog
from router.logs import MAX_TEXT_LENGTH


class Lines:
    """What would be logged."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **values: Any) -> None:
        self.lines.append((event, values))

    warning = info


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_log, "INTERVAL_S", 0.05)


def run(*hosts: str) -> Lines:
    lines: Any = Lines()

    async def program() -> None:
        log = HostLog(lines)
        for host in hosts:
            log.info("refused", host, peer=host)
        await asyncio.sleep(0.1)

    asyncio.run(program())
    assert isinstance(lines, Lines)
    return lines


def test_what_is_left_out_is_counted() -> None:
    lines = run(*["192.0.2.1"] * (BURST + 7)).lines
    assert lines[:-1] == [("refused", {"peer": "192.0.2.1"})] * BURST
    assert lines[-1] == ("refused: left out", {"peer": "192.0.2.1", "lines": 7})


def test_one_host_takes_nothing_of_another() -> None:
    lines = run(*["192.0.2.1"] * (BURST + 1), "192.0.2.2").lines
    assert ("refused", {"peer": "192.0.2.2"}) in lines


def test_the_addresses_of_one_ipv6_network_are_one_host() -> None:
    lines = run(*(f"2001:db8::{index:x}" for index in range(BURST + 3))).lines
    assert lines[-1][1]["lines"] == 3


def test_kinds_are_counted_apart_and_texts_are_cut() -> None:
    lines: Any = Lines()

    async def program() -> None:
        log = HostLog(lines)
        for _ in range(BURST + 1):
            log.warning("refused", "h", kind="404", url="x" * 1000)
        log.leave_out("refused", "h", kind="404")
        log.info("refused", "h", kind="403", status=403)
        await asyncio.sleep(0.1)

    asyncio.run(program())
    assert len(lines.lines[0][1]["url"]) == MAX_TEXT_LENGTH
    assert lines.lines[BURST:] == [
        ("refused", {"status": 403}),
        ("refused: left out", {"peer": "h", "lines": 2}),
    ]


def test_memory_is_bounded() -> None:
    run(*(f"host{index}" for index in range(MAX_HOSTS + 10)))
