"""Commands say of a mount or a session what is so: a worker that goes on with it has nothing else."""

import pytest

from router.rtsp.session_state import SessionState
from router.settings import Settings
from router.state import commands
from router.state.mount_state import MountChange, MountState
from router.state.mounts import Mount
from router.state.records import MOUNT, SESSION
from router.state.sessions import Role, Session
from router.state.state import State
from tests.unit.router.state.people import SDP, client
from workers.contract.commands import Play, Record
from workers.contract.parts import InterleavedTransport, TrackTransport, UdpTransport

UDP = TrackTransport(1, UdpTransport("192.0.2.1", 5000, 5001))
TCP = TrackTransport(0, InterleavedTransport(0, 1))


def made(role: Role = Role.READER) -> tuple[Mount, Session]:
    state = State.of(Settings())
    mount = state.mounts.add("/cam", SDP, 1.0)
    mount.change(MountChange.RECORD, 2.0)
    session = state.sessions.add(role, mount, client(), "rtsp://server/cam", "anna", 3.0)
    session.transports = {1: UDP, 0: TCP}
    return mount, session


@pytest.mark.parametrize(("state", "paused"), [(SessionState.PLAYING, False), (SessionState.READY, True)])
def test_a_reader_goes_on_as_it_was(state: SessionState, paused: bool) -> None:
    mount, session = made()
    session.state = state
    command = commands.go_on(session)
    assert isinstance(command, Play)
    assert (command.path, command.generation, command.session) == ("/cam", mount.generation, session.id)
    assert (command.transports, command.paused, command.response_head) == ((TCP, UDP), paused, b"")
    record = SESSION.unpack(command.record)
    assert (record.host, record.url, record.user, record.since) == ("192.0.2.1", "rtsp://server/cam", "anna", 3.0)


@pytest.mark.parametrize(("state", "paused"), [(SessionState.RECORDING, False), (SessionState.READY, True)])
def test_a_publisher_goes_on_as_it_was(state: SessionState, paused: bool) -> None:
    mount, session = made(Role.PUBLISHER)
    session.state = state
    mount.range = "npt=0-"
    command = commands.go_on(session)
    assert isinstance(command, Record)
    assert (command.connection, command.paused, command.response) == ("192.0.2.1", paused, b"")
    record = MOUNT.unpack(command.mount_record)
    assert (record.since, record.recording_since, record.range, record.version) == (1.0, 2.0, "npt=0-", 1)


def test_one_whose_connection_has_ended_goes_on_without() -> None:
    _, session = made()
    session.connection = None
    command = commands.go_on(session)
    assert isinstance(command, Play)
    assert command.connection == ""


def test_only_a_mount_that_waits_brings_its_records_itself() -> None:
    mount, _ = made()
    mount.rtp_ports, mount.streams = (10_000,), b"streams"
    mount.last_publisher, mount.last_record = "p", b"record"
    command = commands.reopen_mount(mount)
    assert (command.ports, command.streams, command.record, command.last_publisher) == ((10_000,), b"streams", b"", "")
    mount.change(MountChange.VANISHED, 5.0)
    assert mount.state is MountState.WAITING
    command = commands.reopen_mount(mount)
    assert (command.last_publisher, command.last_record) == ("p", b"record")
    assert MOUNT.unpack(command.record).since == 1.0
    assert commands.open_mount(mount).ports == ()


def test_the_owner_hears_of_a_replicas_readers_what_comes_by_udp() -> None:
    _, session = made()
    (command,) = commands.set_up_elsewhere(session)
    assert (command.path, command.transport, command.elsewhere) == ("/cam", UDP, True)
