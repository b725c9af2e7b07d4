"""Writes the files of `trunkline gen`: templates, filled with what follows from the settings.

`python -m router.deployment.generate`, in the folder of a checkout, writes those of `deploy/` anew.
"""

import dataclasses
import json
import math
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from router.settings import Settings

KINDS = {
    "supervisor": ("supervisord.conf",),
    "systemd": (
        "systemd/trunkline.target",
        "systemd/trunkline-front.socket",
        "systemd/trunkline-front.service",
        "systemd/trunkline-worker@.service",
    ),
    "container": ("Containerfile",),
    "sysctl": ("sysctl.conf",),
}
"""The files of each kind, as they are named in `deploy/`."""
PROGRAM = "/opt/trunkline/bin/trunkline"
"""Where `deploy/README.md` installs it."""
USER = "trunkline"
WORKERS = 4
"""How many the files in `deploy/` have: those that a user makes have as many as the machine has CPUs."""

STOP_MARGIN_S = 5
"""What a program may take beyond `stop_timeout_s`: two seconds to write what is queued, and a busy machine."""
SPARE_DESCRIPTORS = 1024
"""For a program itself, and connections on their way between two."""
_HOMES = ("/home", "/root", "/run/user")
"""What `ProtectHome=yes` hides."""
_TEMPLATES = Path(__file__).parent / "templates"
_HARDENING = """\
# Nothing but its sockets and its runtime directory; ReadWritePaths= for what your hooks write.
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=yes
ProtectProc=invisible
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
PrivateDevices=yes
PrivateTmp=yes
LockPersonality=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
# Netlink: how a multicast interface is found by its address.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM"""


class GenerateError(Exception):
    """Such files can't be made of these settings; the text says why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What files are to be made for.

    `settings` are the effective ones, `options` those of them that were given on the command line, by setting, and
    `config` the file with the others. `directory` is where hooks are found.
    """

    settings: Settings
    options: Mapping[str, str]
    config: Path | None = None
    program: str = PROGRAM
    user: str = USER
    directory: Path | None = None


def generate(kind: str, wanted: Wanted) -> dict[str, str]:
    """Make the files of one of `KINDS`: their texts, by their names.

    Raises:
        GenerateError: a port isn't fixed, or the runtime directory is out of reach.
    """
    settings = wanted.settings
    if 0 in (settings.publish_port, settings.client_port):
        raise GenerateError("a port of 0 is another one after each start: choose --publish-port and --client-port")
    make = {"supervisor": _supervisor, "systemd": _systemd, "container": _container, "sysctl": _sysctl}[kind]
    values = {"made_by": _made_by(kind, wanted), **make(wanted)}
    return {name: Template((_TEMPLATES / name).read_text("utf-8")).substitute(values) for name in KINDS[kind]}


def _supervisor(wanted: Wanted) -> dict[str, object]:
    runtime_dir = _runtime_dir(wanted, "/var/lib/trunkline/run")

    def quote(word: str) -> str:
        return shlex.quote(word).replace("%", "%%")

    return _programs(wanted, runtime_dir, quote, index="%(process_num)d", directory="directory=") | {
        "state": quote(str(runtime_dir.parent)),
    }


def _systemd(wanted: Wanted) -> dict[str, object]:
    settings = wanted.settings
    runtime_dir = _runtime_dir(wanted, "/run/trunkline")
    if runtime_dir.is_relative_to("/tmp") or runtime_dir.is_relative_to("/var/tmp"):
        raise GenerateError(f"--runtime-dir {runtime_dir}: each unit has a /tmp of its own; use /run/trunkline")
    for path in (wanted.config, wanted.directory, Path(shlex.split(wanted.program)[0])):
        if path is not None and any(path.is_relative_to(home) for home in _HOMES):
            raise GenerateError(
                f"{path}: the units see no home directories; put it where all may read it, as below /opt"
            )
    if runtime_dir.parent == Path("/run"):
        directory = f"RuntimeDirectory={runtime_dir.name}\nRuntimeDirectoryMode=0700\nRuntimeDirectoryPreserve=yes"
    else:
        directory = f"ReadWritePaths={_unit_quote(str(runtime_dir))}"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    ports = dict.fromkeys((settings.publish_port, settings.client_port))
    listen = [f"ListenStream={host}:{port}" if host else f"ListenStream={port}" for port in ports]
    if not host:
        listen.append("BindIPv6Only=both")
    count = settings.worker_count
    return _programs(wanted, runtime_dir, _unit_quote, index="%i", directory="WorkingDirectory=") | {
        "runtime_directory": directory,
        "hardening": _HARDENING,
        "listen": "\n".join(listen),
        "wants_workers": "\n".join(f"Wants=trunkline-worker@{index}.service" for index in range(count)),
    }


def _container(wanted: Wanted) -> dict[str, object]:
    settings = wanted.settings
    runtime_dir = _runtime_dir(wanted, "/run/trunkline")
    return {
        "serve": json.dumps(["trunkline", "serve", *_options(wanted, runtime_dir)]),
        "runtime_dir": runtime_dir,
        "user": wanted.user,
        "descriptors": _descriptors(settings),
        "publish_port": settings.publish_port,
        "client_port": settings.client_port,
        "rtp_port_start": settings.rtp_port_start,
        "rtp_port_end": settings.rtp_port_start + settings.rtp_port_count - 1,
        "rtp_port_count": settings.rtp_port_count,
    }


def _sysctl(wanted: Wanted) -> dict[str, object]:
    settings = wanted.settings
    media = f"{settings.rtp_port_start}-{settings.rtp_port_start + settings.rtp_port_count - 1}"
    listening = sorted({settings.publish_port, settings.client_port})
    return {"reserved_ports": ",".join([*map(str, listening), media])}


def _programs(
    wanted: Wanted, runtime_dir: Path, quote: Callable[[str], str], *, index: str, directory: str
) -> dict[str, object]:
    """Give what both supervisors need; `index` stands for a worker's number, and is not to be quoted."""
    # Each is started for itself, and all must mean the same number, whatever CPUs each of them may use.
    counted = {**wanted.options, "workers": str(wanted.settings.worker_count)}
    wanted = dataclasses.replace(wanted, options=counted)
    program = " ".join(quote(word) for word in shlex.split(wanted.program))
    options = " ".join(quote(word) for word in _options(wanted, runtime_dir))
    return {
        "front": f"{program} front {options}",
        "worker": f"{program} worker --index {index} {options}",
        "workers": wanted.settings.worker_count,
        "user": wanted.user,
        "directory": f"{directory}{quote(str(wanted.directory))}\n" if wanted.directory is not None else "",
        "descriptors": _descriptors(wanted.settings),
        "stop_s": math.ceil(wanted.settings.stop_timeout_s) + STOP_MARGIN_S,
    }


def _options(wanted: Wanted, runtime_dir: Path) -> list[str]:
    given = dict(wanted.options)
    given["runtime_dir"] = str(runtime_dir)
    words = ["--config", str(wanted.config)] if wanted.config is not None else []
    return words + [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", value)]


def _runtime_dir(wanted: Wanted, otherwise: str) -> Path:
    """Give the runtime directory, or the usual place of this kind where none was set."""
    set_on_purpose = "runtime_dir" in wanted.settings.model_fields_set
    return wanted.settings.runtime_dir if set_on_purpose else Path(otherwise)


def _descriptors(settings: Settings) -> int:
    """Work out how many descriptors the greediest program needs: a connection takes two in the front, a port one."""
    ports = settings.rtp_port_count // settings.worker_count
    return max(2 * settings.limits.connections, ports + settings.limits.connections) + SPARE_DESCRIPTORS


def _made_by(kind: str, wanted: Wanted) -> str:
    words: Sequence[str] = ["trunkline", "gen", kind]
    words = [*words, *(["--config", str(wanted.config)] if wanted.config is not None else [])]
    for name, value in wanted.options.items():
        words = [*words, f"--{name.replace('_', '-')}", value]
    if kind != "sysctl":
        words = [*words, "--user", wanted.user]
    if kind in ("supervisor", "systemd"):
        words = [*words, "--program", wanted.program]
    return shlex.join(words)


def _unit_quote(word: str) -> str:
    """Write a word so that systemd reads it as one (systemd.service(5), systemd.unit(5))."""
    word = word.replace("%", "%%").replace("$", "$$")
    if re.fullmatch(r"[\w@%+=:,./$-]+", word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def write(directory: Path, files: Mapping[str, str]) -> None:
    """Write files into a directory. Raises OSError."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def committed() -> dict[str, str]:
    """Make the files of `deploy/`: those of the default settings."""
    files = {}
    for kind in KINDS:
        options = {"workers": str(WORKERS)} if kind in ("supervisor", "systemd") else {}
        files.update(generate(kind, Wanted(Settings(workers=WORKERS), options)))
    return files


if __name__ == "__main__":
    write(Path("deploy"), committed())
