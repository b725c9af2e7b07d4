"""What a mount looks like to another worker: its image, but for what each part of it says of itself."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from workers.contract.image import MountImage, PortImage, WaitingImage
from workers.fanout.destinations import Destination
from workers.publishers.program import Feed
from workers.publishers.publisher import Publisher
from workers.readers.reader import Reader
from workers.readers.udp import UdpReaderTrack
from workers.streams.ingest import Port
from workers.streams.tap import Tap
from workers.streams.track import Track

if TYPE_CHECKING:
    from workers.mounts.mount import Mount

MOST_WAITING_BYTES = 4 * 1024 * 1024
"""Of one port, what waits for room in its send buffer and travels: 128 Mbit/s for as long as it may wait at all."""
GROUP = ""
"""The name of a track's multicast group among its readers."""


def image_of(
    mount: "Mount",
    publisher: Publisher | None,
    ports: Sequence[Port],
    reports_at: Sequence[float | None],
    *,
    record: bytes,
    silent: bool,
    last_publisher: tuple[str, bytes],
    feed: Feed | None,
    taps: Mapping[str, Tap],
) -> MountImage:
    """Describe a suspended mount; `ports` are its readers of sockets, RTP and RTCP of each track, or none."""
    readers = mount.readers.values()
    images = [
        _port_image(track, readers, ports[2 * track.index + is_rtcp] if ports else None, is_rtcp=is_rtcp)
        for track in mount.tracks
        for is_rtcp in (False, True)
    ]
    return MountImage(
        path=mount.path,
        generation=mount.generation,
        silent=silent,
        tracks=tuple(
            track.image(images[2 * track.index], images[2 * track.index + 1], report_at)
            for track, report_at in zip(mount.tracks, reports_at, strict=True)
        ),
        publisher=None if publisher is None else publisher.image(),
        record=record,
        readers=tuple(reader.image() for reader in readers),
        last_publisher=last_publisher[0],
        last_record=last_publisher[1],
        feed=None if feed is None else feed.image(),
        taps=tuple(each.image(name) for name, each in taps.items()),
        replica=mount.replica,
    )


def sockets_of(image: MountImage) -> int:
    """Count the sockets that travel beside a mount's image."""
    return 2 * len(image.tracks) + (image.feed is not None) + len(image.taps)


def _port_image(track: Track, readers: Iterable[Reader], port: Port | None, *, is_rtcp: bool) -> PortImage:
    source, fan = (track.rtcp_source, track.rtcp_fan) if is_rtcp else (track.rtp_source, track.rtp_fan)
    waiting: tuple[WaitingImage, ...] = ()
    if fan.is_waiting:
        names = {destination: name for name, destination in _destinations(track, readers, is_rtcp=is_rtcp).items()}
        waiting = fan.image(names, MOST_WAITING_BYTES)
    return PortImage(source.image(), 0 if port is None else port.kernel_drops, waiting)


def _destinations(track: Track, readers: Iterable[Reader], *, is_rtcp: bool) -> dict[str, Destination]:
    """Map the names of all whom a port sends to, to where it sends for them."""
    found: dict[str, Destination] = {}
    for reader in readers:
        held = reader.tracks.get(track.index)
        if isinstance(held, UdpReaderTrack):
            found[reader.session] = held.rtcp if is_rtcp else held.rtp
    if track.group is not None:
        found[GROUP] = track.group.rtcp if is_rtcp else track.group.rtp
    return found


def restore_ports(mount: "Mount", ports: Sequence[Port], image: MountImage) -> None:
    """Go on with the kernel's counts, and with what waits, where another worker has stopped."""
    for track, told in zip(mount.tracks, image.tracks, strict=True):
        for is_rtcp, fan, each in ((False, track.rtp_fan, told.rtp), (True, track.rtcp_fan, told.rtcp)):
            if ports:
                ports[2 * track.index + is_rtcp].kernel_drops = each.kernel_drops
            if each.waiting:
                fan.restore(each.waiting, _destinations(track, mount.readers.values(), is_rtcp=is_rtcp))
