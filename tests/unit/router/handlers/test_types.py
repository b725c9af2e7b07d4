"""What a type checker says of handlers: a right one passes `mypy --strict`, a wrong method is found by its line."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from router.handlers.interface import NAMES

ROOT = Path(__file__).parents[4]
PROGRAM = """
from collections.abc import Awaitable
import router
from router import (
    Answer, DescribeContext, OnDescribe, OnPlay, OnSessionClose, PlayContext, Response, Server, ServerStream,
    SessionCloseContext, StreamAnswer,
)

class Right(OnDescribe, OnPlay, OnSessionClose):
    def __init__(self) -> None:
        self.stream: ServerStream | None = None

    async def on_describe(self, ctx: DescribeContext, /) -> tuple[int, ServerStream | None]:
        return 200, self.stream

    def on_play(self, anything: PlayContext, /) -> int | None:
        return None if anything.session.user == "ann" else 403

    async def on_session_close(self, context: SessionCloseContext, /) -> None:
        print(context.session.id, context.reason)
        self.stream = build(context.server)

def build(server: Server) -> ServerStream:
    raise NotImplementedError

class WithoutBases:
    async def on_play(self, context: PlayContext) -> Answer:
        response = await context.default()
        return Response(response.status, (*response.headers, ("X-Mine", "yes")))

class WrongContext(OnPlay):
    def on_play(self, context: DescribeContext, /) -> Answer:  # error: override
        return None

class WrongAnswer(OnPlay):
    async def on_play(self, context: PlayContext, /) -> str:  # error: override
        return "yes"

class WrongCount(OnSessionClose):
    def on_session_close(self, context: SessionCloseContext, reason: str, /) -> None:  # error: override
        pass

class StreamOfPlay(OnPlay):
    def on_play(self, context: PlayContext, /) -> StreamAnswer:  # error: override
        return None

class OnlyWrongMethod:
    async def on_play(self, context: PlayContext, more: int) -> Answer:
        return None

class NoMethod:
    async def on_plai(self, context: PlayContext) -> Answer:
        return None

Server(handler=Right())
Server(handler=WithoutBases())
Server(handler=OnlyWrongMethod())  # error: arg-type
Server(handler=NoMethod())  # error: arg-type
Server(handler="none")  # error: arg-type
"""
EVERY = """
class Every({bases}):
{methods}

server = router.Server(handler=Every(), publish_port=0)
"""


def every_method() -> str:
    """Make a handler with all methods, each as its protocol has it."""
    methods, bases = [], []
    for name in NAMES:
        words = "".join(word.capitalize() for word in name.split("_")[1:])
        bases.append(f"router.On{words}")
        result = {"authenticate": "bool", "credentials": "str | None"}.get(name[3:])
        if result is None:
            told = words in ("Request", "Response") or re.search("Open|Close|Lost|Error", words)
            result = "None" if told else "router.Answer"
        body = "return False" if result == "bool" else "return None"
        methods.append(f"    async def {name}(self, context: router.{words}Context, /) -> {result}:\n        {body}\n")
    return EVERY.format(bases=", ".join(bases), methods="\n".join(methods))


def test_a_wrong_method_is_found_and_a_right_one_is_not(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM + every_method())
    # The cache of the tree itself: there the router has been checked with the same options.
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml")]
    done = subprocess.run(
        [*command, str(program)], cwd=ROOT, capture_output=True, text=True, timeout=100, env=os.environ
    )
    found = {int(line): code for line, code in re.findall(r"program\.py:(\d+): error: .*\[([a-z-]+)\]", done.stdout)}
    lines = program.read_text().splitlines()
    expected = {number: line.partition("# error: ")[2] for number, line in enumerate(lines, 1) if "# error: " in line}
    assert found == expected, done.stdout + done.stderr
