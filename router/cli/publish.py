"""`trunkline publish`: a file that goes to any RTSP server."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from router.cli.given import fail
from router.files.errors import PyAVMissing


def publish(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="any file that FFmpeg reads")],
    url: Annotated[str, typer.Argument(metavar="URL", help="rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH")],
    loop: Annotated[bool, typer.Option("--loop", help="begin anew at the end, without a jump")] = False,
    transport: Annotated[str, typer.Option(metavar="tcp|udp", help="how the media travels")] = "tcp",
) -> None:
    """Publish a file to any RTSP server, as it is and in real time."""
    if transport not in ("tcp", "udp"):
        fail(2, f"--transport {transport}: must be tcp or udp")
    try:
        import av  # noqa: F401  # the extra may not be installed
    except ImportError:
        fail(1, str(PyAVMissing()))
    from router.files import publish_program

    sys.exit(publish_program.run(file, url, transport=transport, loop=loop))
