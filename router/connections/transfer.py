"""How a connection changes hands: from the front to a worker with PLAY or RECORD, or from one worker to another."""

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from router.connections.connection import Connection, ConnectionEnded
from router.link.worker import Worker, WorkerGone, WorkerRefused
from workers.contract.codec import Packer
from workers.contract.commands import ReleaseConnection
from workers.contract.fields import Name
from workers.contract.parts import HandOff
from workers.contract.replies import Released


@dataclass(frozen=True, slots=True)
class ConnectionRecord:
    """What the next front has to know of a connection: the side that it came in on."""

    side: Name


CONNECTION = Packer(ConnectionRecord)


@asynccontextmanager
async def handed_to(connection: Connection, worker: Worker) -> AsyncIterator[HandOff | None]:
    """Hand a connection to a worker together with the command that is sent inside the `with` block.

    Yields what the command has to carry, None where that worker holds the connection already. If the worker refuses the
    command, the front goes on reading; if it died, the connection ends.

    Raises:
        ConnectionEnded: there is no connection any more.
        NotArrived: it is on its way to another worker, and does not arrive.
    """
    async with connection.placement.stay():
        if connection.placement.worker is worker:
            yield None
        elif connection.held_here:
            async with _from_here(connection, worker) as handoff:
                yield handoff
        else:
            async with _from_another(connection, worker) as handoff:
                yield handoff


@asynccontextmanager
async def _from_here(connection: Connection, worker: Worker) -> AsyncIterator[HandOff]:
    unread = await connection.stop()
    handoff = await _pass_duplicate(connection, worker, unread, b"")
    connection.placement.arrived(worker)
    unserved = connection.take_unserved()
    try:
        yield handoff
    except WorkerRefused:
        connection.placement.unplace()
        connection.take_back(unserved)
        raise
    except WorkerGone:
        connection.abort("its worker died")
        raise
    connection.leave()


@asynccontextmanager
async def _from_another(connection: Connection, worker: Worker) -> AsyncIterator[HandOff]:
    if (holder := connection.placement.worker) is None:
        raise ConnectionEnded
    released = await holder.ask(ReleaseConnection(connection.id))
    assert isinstance(released, Released)
    try:  # nobody holds it from here on
        handoff = await _pass_duplicate(connection, worker, released.unread, released.unsent)
        connection.placement.arrived(worker)
        yield handoff
    except (WorkerRefused, WorkerGone, ConnectionEnded) as error:
        connection.abort(f"its next worker did not take it: {error}")
        raise


async def pass_on(connection: Connection, worker: Worker) -> HandOff:
    """Hand a connection to the worker that follows one which died. Raises ConnectionEnded, WorkerGone."""
    handoff = await _pass_duplicate(connection, worker, connection.unread, b"")
    connection.handed_over()
    return handoff


async def _pass_duplicate(connection: Connection, worker: Worker, unread: bytes, unsent: bytes) -> HandOff:
    """Send a duplicate of the descriptor to a worker; give what names it in the command that brings it.

    Raises:
        ConnectionEnded: there is no connection any more, or no duplicate of it.
        WorkerGone: the worker died.
    """
    if connection.closed or connection.duplicate is None:
        raise ConnectionEnded
    token = secrets.token_hex(8)
    try:  # one of its own: the connection may end while this waits, and another's then has its descriptor's number
        descriptor = os.dup(connection.duplicate.fileno())
    except OSError as error:
        connection.abort(f"no descriptor for its next worker: {error.strerror}")
        raise ConnectionEnded from error
    try:
        await worker.channel.send(token, descriptor)
    except OSError as error:
        raise WorkerGone(f"worker {worker.index} died") from error
    finally:
        os.close(descriptor)
    if connection.closed:
        raise ConnectionEnded
    connection.unread = unread
    return HandOff(token, connection.address, unread, unsent, CONNECTION.pack(ConnectionRecord(connection.side)))
