"""A mount that more than one worker fans out: the owner's tap for a replica, and what a replica knows of the mount.

A replica is a mount whose publisher is a burst channel from the owner, and whose sockets are duplicates of the owner's:
readers see one pair of ports. Only the owner reads them, so it knows the replica's UDP readers too; where a NAT has
changed a reader's port it tells the replica by the channel, which needs no front and stays in step with the stream.
What interleaved readers send comes to the replica, and goes to the owner the same way.
"""

import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from workers.contract.image import FeedImage, MountImage, PipeImage, PortImage, SourceImage
from workers.contract.replies import ReplicaOffered
from workers.sockets.descriptors import Descriptors

if TYPE_CHECKING:
    from workers.mounts.mount import Mount

_UNREAD = PortImage(SourceImage(None, False, None), 0, ())


def image_for_replica(mount: "Mount", name: str) -> MountImage:
    """Say what a replica has to know at this point of the stream: the channel brings what follows."""
    return MountImage(
        path=mount.path,
        generation=mount.generation,
        silent=False,
        tracks=tuple(each.seen(_UNREAD) for each in mount.tracks),
        publisher=None,
        record=b"",
        readers=(),
        replica=True,
        feed=FeedImage(name, PipeImage((), 0), (None,) * len(mount.tracks)),
    )


class Offers:
    """Replicas whose descriptors are on their way up to the front."""

    def __init__(self, descriptors: Descriptors) -> None:
        self._descriptors = descriptors
        self._offers: dict[str, list[int]] = {}

    def send(self, name: str, mount: "Mount", reply: Callable[[ReplicaOffered], None], image: bytes) -> None:
        """Make a channel, tap the mount from here on, and send duplicates of all that a replica needs."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        copies: list[int] = []
        try:
            # Duplicates of our own: what is sent late may have been closed, and its number be another's by then.
            for each in mount.media_sockets:
                copies.append(os.dup(each.fileno()))
        except OSError:
            for copy in copies:
                os.close(copy)
            ours.close()
            theirs.close()
            raise
        copies.append(theirs.detach())
        mount.replicate(name, ours)
        self._offers[name] = copies

        def sent() -> None:
            self._close(name)
            reply(ReplicaOffered(image, len(copies)))

        self._descriptors.send(name, copies, sent)

    def _close(self, name: str) -> None:
        for each in self._offers.pop(name, []):
            os.close(each)

    def end(self) -> None:
        """Take back what was not sent yet: the front is gone. The taps hear it from their channels' other ends."""
        for name in list(self._offers):
            self._close(name)
