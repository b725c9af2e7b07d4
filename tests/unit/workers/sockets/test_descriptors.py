"""Descriptors that are sent up late, or not at all."""

import logging
import os
import socket
from pathlib import Path

from workers.runtime.counters import Counters
from workers.runtime.logs import OncePerMinute
from workers.runtime.loop import Loop
from workers.runtime.runtime import Runtime
from workers.shared.parcels import LABEL_BYTES
from workers.sockets.descriptors import Descriptors

LOG = logging.getLogger("test")


def test_nothing_goes_up_that_was_called_off(tmp_path: Path) -> None:
    """A front that stands still takes nothing; what waits for it may be closed by then, and its number be another's."""
    path, loop = tmp_path / "descriptors", Loop()
    descriptors = Descriptors(path, Runtime("worker", loop, Counters(), LOG, OncePerMinute(LOG)), lambda: None)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    mine, others = os.pipe()
    sent: list[str] = []
    with listener:
        listener.bind(str(path))
        listener.listen(1)
        assert descriptors.connect()
        front, _ = listener.accept()
        with front:
            number = 0
            while len(sent) == number:  # until the kernel takes no more
                number += 1
                descriptors.send(str(number), [mine], lambda name=str(number): sent.append(name))  # type: ignore[misc]  # bound now
            descriptors.send("off", [mine] * 300, lambda: sent.append("off"))
            descriptors.send("on", [mine], lambda: sent.append("on"))
            descriptors.call_off("off")
            front.setblocking(False)
            labels = []
            while "on" not in labels:
                label, came, _, _ = socket.recv_fds(front, LABEL_BYTES, 253)
                labels.append(label.decode())
                for each in came:
                    os.close(each)
                if len(sent) < number + 1:
                    descriptors._send_outgoing(loop.clock())
    descriptors.close()
    loop.close()
    os.close(mine)
    os.close(others)
    assert labels == ["worker", *map(str, range(1, number + 1)), "on"]
    assert sent == labels[1:]
