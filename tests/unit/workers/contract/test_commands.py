"""Commands at their limits, and one past them."""

from dataclasses import replace

import pytest

from tests.unit.workers.contract.wire import arrived
from workers.contract.codec import UnreadableMessage
from workers.contract.commands import (
    AttachTap,
    CloseMount,
    ExportMounts,
    ForgetConnections,
    KeepListeners,
    LendPorts,
    OpenMount,
    Play,
    Record,
    RemoveReader,
    SetUpReader,
    Welcome,
)
from workers.contract.messages import Command
from workers.contract.parts import MountName, TrackSpec, TrackTransport, UdpTransport

WELCOME = Welcome(0, 0, "", 0.5, 60.0, 2.0, 10.0, 0, 15.0, 0.001, 2.0, 8192, 32768, 65536)
SPEC = TrackSpec(())
UDP = TrackTransport(0, UdpTransport("192.0.2.1", 5000, 5001))
MOUNT = MountName("/a", 1)


def play(transports: int = 0, urls: int = 0) -> Play:
    return Play("/a", 1, "s", "", None, (UDP,) * transports, b"", ("u",) * urls)


@pytest.mark.parametrize(
    ("limit", "past"),
    [
        (replace(WELCOME, rtp_port_count=65_536), replace(WELCOME, rtp_port_count=65_537)),
        (replace(WELCOME, lent_ports=(0,) * 65_536), replace(WELCOME, lent_ports=(0,) * 65_537)),
        (OpenMount("/a", 1, (SPEC,) * 32), OpenMount("/a", 1, (SPEC,) * 33)),
        (OpenMount("/a", 1, (), (0,) * 32), OpenMount("/a", 1, (), (0,) * 33)),
        (Record("/a", 1, "s", "", None, (UDP,) * 32, b""), Record("/a", 1, "s", "", None, (UDP,) * 33, b"")),
        (AttachTap("/a", 1, "n", "", (0,) * 32, False), AttachTap("/a", 1, "n", "", (0,) * 33, False)),
        (play(transports=32), play(transports=33)),
        (play(urls=32), play(urls=33)),
        (ForgetConnections(("c",) * 100_000), ForgetConnections(("c",) * 100_001)),
        (KeepListeners(("l",) * 16, "t"), KeepListeners(("l",) * 17, "t")),
        (LendPorts((0,) * 32_768), LendPorts((0,) * 32_769)),
        (ExportMounts("m", (MOUNT,) * 100_000, ()), ExportMounts("m", (MOUNT,) * 100_001, ())),
        (ExportMounts("m", (), ("c",) * 100_000), ExportMounts("m", (), ("c",) * 100_001)),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_command_at_its_limit_arrives_and_one_past_it_does_not(limit: Command, past: Command) -> None:
    assert arrived(limit) == limit
    with pytest.raises(UnreadableMessage, match=r"items are more than|is not between"):
        arrived(past)


@pytest.mark.parametrize(
    "command",
    [CloseMount("/" + "a" * 2048, 1), CloseMount("/a", -1), RemoveReader("/a", 1, "s" * 129)],
    ids=lambda each: type(each).__name__,
)
def test_a_name_or_generation_past_its_bound_is_refused(command: Command) -> None:
    with pytest.raises(UnreadableMessage):
        arrived(command)


def test_what_a_later_version_may_leave_out_has_its_default() -> None:
    assert (WELCOME.lent_ports, WELCOME.close_slow_readers, WELCOME.drain_timeout_s) == ((), False, 0.0)
    assert not play().paused
    assert not SetUpReader("/a", 1, "s", UDP).elsewhere
