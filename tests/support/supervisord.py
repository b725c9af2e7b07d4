"""The real router under a real supervisord, run by the file that `trunkline gen supervisor` makes."""

import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.programs import ROOT, run_program
from tests.support.router import START_TIMEOUT_S, RouterProcess
from tests.support.waiting import eventually

_BIN = Path(sys.executable).parent
COMMAND_TIMEOUT_S = 60.0
"""A restart is waited for: the end of the old process, the start of the new one, and the second it is watched for."""


class SupervisedRouter(RouterProcess):
    """A router as `RouterProcess` has it, with supervisord in place of `serve`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(one_port=True, **options)
        self._options = self.command[self.command.index("serve") + 1 :]
        self._conf = self.directory / "supervisord.conf"
        self.command = [str(_BIN / "supervisord"), "--nodaemon", "--configuration", str(self._conf)]
        self.environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), self.environment.get("PYTHONPATH", "")])

    def start(self) -> "SupervisedRouter":
        """Make the file, start supervisord, and wait until all workers are ready."""
        made = run_program(
            "gen", "supervisor", *self._options, "--output", str(self.directory),
            "--program", f"{sys.executable} -m router", "--user", pwd.getpwuid(os.geteuid()).pw_name,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                text=True, start_new_session=True,
            )  # fmt: skip
        self.publish_url = self.client_url = f"rtsp://127.0.0.1:{self.ports.start}"
        try:
            self.wait_serving()
        except BaseException as error:
            error.add_note(self.log_tail())
            self.kill()
            raise
        return self

    def wait_serving(self) -> None:
        """Wait until there is a front with all workers."""

        def serving() -> bool:
            try:
                workers = self.status()["workers"]
            except AssertionError:  # nobody answers yet
                return False
            return all(worker["state"] == "ready" for worker in workers)

        eventually(serving, "a front with all workers", START_TIMEOUT_S)
        self.note_processes()

    def control(self, *arguments: str) -> str:
        """Run `supervisorctl ARGUMENTS` and give what it prints."""
        done = subprocess.run(
            [str(_BIN / "supervisorctl"), "--configuration", str(self._conf), *arguments],
            cwd=self.directory, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr

    def programs(self) -> dict[str, str]:
        """Give the state of each program, as supervisord sees it."""
        lines = [line.split() for line in self.control("status").splitlines()]
        return {line[0]: line[1] for line in lines}

    @property
    def log(self) -> str:
        """All that supervisord and its programs have logged."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.directory.glob("*.log")))
