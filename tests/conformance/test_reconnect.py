"""A publisher that vanishes and comes back in time: its readers stay, and see one stream."""

import itertools
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.media import Program, need_media
from tests.support.publisher import Publisher
from tests.support.reader import Reader, receive_all
from tests.support.router import HURRIED, RouterProcess
from tests.support.rtp import parse_rtp, read_stamp
from tests.support.sdp import build_sdp
from tests.support.waiting import eventually

GRACE_S = 3.0
PACKETS = 40
PICTURE_LOSS = struct.pack(">BBHI", 0x80, 201, 1, 1) + struct.pack(">BBHI", 0x81, 206, 2, 1)


@pytest.fixture(scope="module")
def router() -> Iterator[RouterProcess]:
    """A router that waits for publishers, but not for those of some paths."""
    mounts = {"/gone-at-once*": {"reconnect_grace_s": 0}}
    with RouterProcess(
        settings={**HURRIED, "session_timeout_s": 60, "reconnect_grace_s": GRACE_S, "mounts": mounts}
    ) as it:
        yield it


def state_of(router: RouterProcess, path: str) -> str | None:
    mount = router.mount(path)
    return None if mount is None else mount["state"]


def wait_for(router: RouterProcess, path: str, state: str | None) -> None:
    """Wait until a mount is in a state, or is no more."""
    router.wait_until(
        lambda status: next((each["state"] for each in status["mounts"] if each["path"] == path), None) == state,
        f"{path} {state}",
    )


def numbers(packets: list[bytes]) -> list[tuple[int, int, int]]:
    return [(each.sequence, each.timestamp, each.ssrc) for each in map(parse_rtp, packets)]


def check_one_stream(packets: list[bytes], publishers: list[Publisher], clock_rate: int) -> None:
    """All packets of all publishers came in order and once, as those of one source, and time went on between them."""
    contents = [parse_rtp(packet).payload for packet in packets]
    assert contents == [parse_rtp(packet).payload for each in publishers for packet in each.tracks[0].sent]
    seen = numbers(packets)
    assert len({ssrc for _, _, ssrc in seen}) == 1
    for (before, time_before, _), (after, time_after, _) in itertools.pairwise(seen):
        assert (after - before) & 0xFFFF == 1
        assert (time_after - time_before) & 0xFFFFFFFF < 60 * clock_rate
    turns = list(itertools.accumulate(len(each.tracks[0].sent) for each in publishers))[:-1]
    for turn in turns:
        gap = (seen[turn][1] - seen[turn - 1][1]) & 0xFFFFFFFF
        assert gap >= clock_rate // 5, "time stood still"


def check_reports(reports: list[bytes], ssrc: int) -> None:
    """Sender reports are the stream's, and nothing in them jumps back."""
    infos = [struct.unpack_from(">IQIII", report, 4) for report in reports if report[1] == 200]
    assert len(infos) > 2
    assert infos[-1][3] > infos[0][3]
    for before, after in itertools.pairwise(infos):
        assert before[0] == after[0] == ssrc
        assert after[1] > before[1]
        assert 0 < (after[2] - before[2]) & 0xFFFFFFFF < 2**31
        assert after[3] >= before[3]
        assert after[4] >= before[4]


@pytest.mark.parametrize("over", [("udp", "udp"), ("tcp", "tcp"), ("tcp", "udp")], ids="-then-".join)
def test_readers_see_one_stream_of_publishers_that_follow_each_other(
    router: RouterProcess, path: str, over: tuple[str, str]
) -> None:
    publishers = []
    url = router.publish(path)
    with Publisher(url, transport=over[0]).start() as first:
        first.send(1)
        wait_for(router, path, "live")
        with (
            Reader(router.read(path)).start() as over_udp,
            Reader(router.read(path), transport="tcp").start() as over_tcp,
        ):
            readers = [over_udp, over_tcp]
            first.tracks[0].sent.clear()
            publishers.append(first)
            first.send(PACKETS)
            for reader in readers:
                reader.receive(PACKETS)
            first.send_sender_report(0)
            for reader in readers:
                reader.receive_report(0)
            first.close()
            for _ in range(2):
                wait_for(router, path, "waiting")
                with Publisher(url, transport=over[1]) as next_one:
                    publishers.append(next_one)
                    next_one.start()
                    next_one.send_sender_report(0)  # before its first packet: it waits for that
                    next_one.send(PACKETS)
                    next_one.send(1)
                    next_one.send_sender_report(0)
                    for reader in readers:
                        reader.receive(sum(len(each.tracks[0].sent) for each in publishers))
                    check_late_reader(router, path, next_one, over_tcp)
                    ask_for_picture(over_udp, next_one)
            ssrc = parse_rtp(over_udp.tracks[0].packets[0]).ssrc
            assert ssrc == first.tracks[0].ssrc
            receive_all(readers, lambda: all(len(each.tracks[0].reports) > len(publishers) - 1 for each in readers))
            for reader in readers:
                check_one_stream(reader.tracks[0].packets, publishers, 90_000)
                check_reports(reader.tracks[0].reports, ssrc)


def check_late_reader(router: RouterProcess, path: str, publisher: Publisher, other: Reader) -> None:
    """Who comes later is told the same numbers."""
    with Reader(router.read(path)) as late:
        late.describe()
        setup = late.set_up(0)
        info = late.play()["RTP-Info"]
        publisher.send(1)
        late.receive(1)
        other.receive(len(other.tracks[0].packets) + 1)
    packet = parse_rtp(late.tracks[0].packets[0])
    assert late.tracks[0].packets[0] == other.tracks[0].packets[-1]
    assert f"seq={packet.sequence};" in info
    assert int(setup.transport["ssrc"], 16) == packet.ssrc


def ask_for_picture(reader: Reader, publisher: Publisher) -> None:
    """What a reader asks for reaches the publisher in its own words."""
    track = reader.tracks[0]
    ssrc = parse_rtp(track.packets[0]).ssrc
    wishes: list[bytes] = []

    def came() -> bool:  # asked again: the router passes one on in half a second
        assert track.rtcp is not None
        track.rtcp.sendto(PICTURE_LOSS + struct.pack(">I", ssrc), (reader.server_host, track.server_ports[1]))
        wishes.extend(each for each in publisher.received_rtcp(0) if b"\x81\xce\x00\x02" in each)
        return bool(wishes)

    receive_all([reader], came)
    assert wishes[0].endswith(struct.pack(">I", publisher.tracks[0].ssrc))


def test_readers_that_come_while_a_mount_waits_are_served_when_it_goes_on(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path), transport="tcp").start() as first:
        first.send(PACKETS)
        wait_for(router, path, "live")
        first.close()
        wait_for(router, path, "waiting")
        assert (router.mount(path) or {})["publisher"] is None
        with Reader(router.read(path)) as reader:
            reader.describe()
            reader.set_up(0)
            info = reader.play()["RTP-Info"]
            with Publisher(router.publish(path)).start() as second:
                second.send(PACKETS)
                reader.receive(PACKETS)
                packet = parse_rtp(reader.tracks[0].packets[0])
                assert f"seq={packet.sequence};" in info
                assert packet.sequence == first.tracks[0].next_sequence
                assert packet.ssrc == first.tracks[0].ssrc == reader.tracks[0].ssrc
                assert read_stamp(packet.payload).counter == 0


def test_a_publisher_that_comes_again_before_it_is_missed_goes_on(router: RouterProcess, path: str) -> None:
    """A camera that has lost its network: its old connection is still there, and silent."""
    with (
        Publisher(router.publish(path)).start() as first,
        Reader(router.read(path), transport="tcp").start() as reader,
    ):
        first.send(PACKETS)
        reader.receive(PACKETS)
        wait_for(router, path, "silent")
        with Publisher(router.publish(path)).start() as second:
            second.send(PACKETS)
            reader.receive(2 * PACKETS)
            check_one_stream(reader.tracks[0].packets, [first, second], 90_000)


def test_whoever_only_tries_to_publish_leaves_the_mount_waiting(router: RouterProcess, path: str) -> None:
    with (
        Publisher(router.publish(path), transport="tcp").start() as first,
        Reader(router.read(path)).start() as reader,
    ):
        first.send(PACKETS)
        reader.receive(PACKETS)
        first.close()
        wait_for(router, path, "waiting")
        with Publisher(router.publish(path)) as tries:
            tries.announce()
            tries.set_up(0)
        wait_for(router, path, "waiting")
        with Publisher(router.publish(path), transport="tcp").start() as second:
            second.send(PACKETS)
            reader.receive(2 * PACKETS)
        reader.connection.expect(200, "GET_PARAMETER", reader.url)


def test_other_tracks_end_the_readers_and_begin_a_mount(router: RouterProcess, path: str) -> None:
    with (
        Publisher(router.publish(path), transport="tcp").start() as first,
        Reader(router.read(path)).start() as reader,
    ):
        first.send(PACKETS)
        reader.receive(PACKETS)
        first.close()
        wait_for(router, path, "waiting")
        other = build_sdp(["streamid=0"]).replace(b"packetization-mode=1", b"packetization-mode=0")
        with Publisher(router.publish(path), sdp=other).start() as second:
            reader.wait_ended()
            with Reader(router.read(path)).start() as later:
                second.send(PACKETS)
                later.receive(PACKETS)
                later.check(second)


def test_a_mount_waits_no_longer_than_it_should(router: RouterProcess, path: str) -> None:
    with (
        Publisher(router.publish(path), transport="tcp").start() as first,
        Reader(router.read(path)).start() as reader,
    ):
        first.send(PACKETS)
        first.close()
        wait_for(router, path, "waiting")
        reader.wait_ended(4 * GRACE_S)
        wait_for(router, path, None)
        assert f"no publisher came back within {GRACE_S:g} s" in router.log


def test_a_publisher_that_says_goodbye_ends_its_mount(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start() as first, Reader(router.read(path)).start() as reader:
        first.send(1)
        first.teardown()
        reader.wait_ended()
        assert state_of(router, path) is None


def test_a_mount_whose_setting_is_so_does_not_wait(router: RouterProcess, path: str) -> None:
    path = f"/gone-at-once{path}"
    with (
        Publisher(router.publish(path), transport="tcp").start() as first,
        Reader(router.read(path)).start() as reader,
    ):
        first.send(PACKETS)
        first.close()
        reader.wait_ended()
        assert state_of(router, path) is None


FILM = ("-re", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25", "-f", "lavfi", "-i", "sine=r=48000")
ENCODE = ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "12", "-c:a", "aac", "-b:a", "64k")


def publish_film(url: str, transport: str) -> Program:
    command = ["ffmpeg", "-v", "warning", *FILM, *ENCODE, "-f", "rtsp", "-rtsp_transport", transport, url]
    return Program(command)


def presentation_times(path: Path) -> dict[str, list[float]]:
    """The times of a recording's packets, of each kind of track in the order of the file."""
    entries = ["-show_entries", "packet=codec_type,pts_time", "-of", "csv=p=0"]
    done = subprocess.run(["ffprobe", "-v", "error", *entries, str(path)], capture_output=True, text=True, check=True)
    times: dict[str, list[float]] = {"video": [], "audio": []}
    for line in done.stdout.splitlines():
        kind, time = line.split(",")[:2]
        times[kind].append(float(time))
    return times


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_ffmpeg_records_across_a_publishers_death(
    router: RouterProcess, path: str, tmp_path: Path, transport: str
) -> None:
    need_media()
    recording = tmp_path / "recording.mkv"
    read = ["ffmpeg", "-v", "warning", "-nostats", "-rtsp_transport", transport, "-i", router.read(path)]
    with publish_film(router.publish(path), transport) as first:
        wait_for(router, path, "live")
        with Program([*read, "-c", "copy", "-f", "matroska", str(recording)]) as recorder:
            eventually(lambda: recording.exists() and recording.stat().st_size > 30_000, "a recording that grows", 15)
            first.kill()
            wait_for(router, path, "waiting")
            size = recording.stat().st_size
            with publish_film(router.publish(path), transport):
                wait_for(router, path, "live")
                eventually(lambda: recording.stat().st_size > size + 150_000, "a recording that goes on", 20)
                recorder.interrupt()
                errors = recorder.errors
    assert recorder.process.poll() == 255, recorder.describe()
    assert "monoton" not in errors.lower(), errors
    for kind, times in presentation_times(recording).items():
        assert len(times) > 50, kind
        assert times == sorted(times), kind
        assert max(after - before for before, after in itertools.pairwise(times)) < 10, f"{kind} has jumped"
