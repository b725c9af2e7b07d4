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

from router.programs.kinds import KINDS, ProgramKind
from router.settings import Settings

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
_SOCKET = "trunkline-front.socket"
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

_MIXED = """\
# What hooks have started ends with it, but only after it.
KillMode=mixed
"""
_SHORT_START = """\
# The front's start waits for it, by Before=.
TimeoutStartSec=20s
"""


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


def generate(target: str, wanted: Wanted) -> dict[str, str]:
    """Make the files for one of `TARGETS`: their texts, by their names in `deploy/`.

    Raises:
        GenerateError: a port isn't fixed, or the runtime directory is out of reach.
    """
    settings = wanted.settings
    if 0 in (settings.publish_port, settings.client_port):
        raise GenerateError("a port of 0 is another one after each start: choose --publish-port and --client-port")
    return TARGETS[target](wanted, {"made_by": _made_by(target, wanted), "user": wanted.user})


Values = dict[str, object]
"""What the fields of a template are filled with."""


def _fill(template: str, values: Values) -> str:
    return Template((_TEMPLATES / template).read_text("utf-8")).substitute(values)


def _supervisor(wanted: Wanted, values: Values) -> dict[str, str]:
    runtime_dir = _runtime_dir(wanted, "/var/lib/trunkline/run")

    def quote(word: str) -> str:
        return shlex.quote(word).replace("%", "%%")

    state = quote(str(runtime_dir.parent))
    values |= _common(wanted) | {"directory": _directory("directory=", wanted, quote)}
    sections = []
    # It starts low priorities first, and stops them last.
    for priority, kind in enumerate(reversed(KINDS), 1):
        numbered = kind.count is not None
        processes = f"process_name={kind.name}_%(process_num)d\nnumprocs={len(kind.numbers(wanted.settings))}\n"
        section = values | {
            "name": kind.name,
            "command": _command(kind, wanted, runtime_dir, quote, number="%(process_num)d"),
            "processes": processes if numbered else "",
            "log": f"{state}/%(program_name)s{'_%(process_num)d' if numbered else ''}.log",
            "priority": 10 * priority,
        }
        sections.append(_fill("supervisord-program.conf", section))
    names = ",".join(kind.name for kind in reversed(KINDS))
    return {"supervisord.conf": _fill("supervisord.conf", values | {
        "sections": "\n".join(sections), "names": names, "state": state,
    })}  # fmt: skip


def _systemd(wanted: Wanted, values: Values) -> dict[str, str]:
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
    values |= _common(wanted) | {
        "runtime_directory": directory,
        "hardening": _HARDENING,
        "listen": "\n".join(listen),
    }
    wants = [f"Wants={_unit(kind, number)}" for kind in KINDS for number in kind.numbers(settings)]
    files = {
        "systemd/trunkline.target": _fill("systemd/trunkline.target", values | {"wants": "\n".join(wants)}),
        "systemd/trunkline-front.socket": _fill("systemd/trunkline-front.socket", values),
    }
    for place, kind in enumerate(KINDS):
        order = [f"Requires={_SOCKET}"] if kind.serves_clients else []
        if place:
            order.append(
                "# For the end; the start needs no order: the front closes sessions in order, through its workers."
            )
            order += [f"Before={_unit(each)}" for each in KINDS[:place]]
        unit = values | {
            "title": kind.program_name("%i"),
            "purpose": kind.purpose,
            "command": _command(kind, wanted, runtime_dir, _unit_quote, number="%i"),
            "socket": f" {_SOCKET}" if kind.serves_clients else "",
            "order": "".join(f"{line}\n" for line in order),
            "directory": _directory("WorkingDirectory=", wanted, _unit_quote) if kind.serves_clients else "",
            "watchdog_s": kind.watchdog_s,
            "ending": _MIXED if kind.serves_clients else _SHORT_START,
        }
        files[f"systemd/{_unit(kind, '')}"] = _fill("systemd/program.service", unit)
    return files


def _container(wanted: Wanted, values: Values) -> dict[str, str]:
    settings = wanted.settings
    runtime_dir = _runtime_dir(wanted, "/run/trunkline")
    values |= _common(wanted) | {
        "serve": json.dumps(["trunkline", "serve", *_options(wanted, runtime_dir)]),
        "runtime_dir": runtime_dir,
        "publish_port": settings.publish_port,
        "client_port": settings.client_port,
        "rtp_port_start": settings.rtp_port_start,
        "rtp_port_end": settings.rtp_port_start + settings.rtp_port_count - 1,
        "rtp_port_count": settings.rtp_port_count,
    }
    return {"Containerfile": _fill("Containerfile", values)}


def _sysctl(wanted: Wanted, values: Values) -> dict[str, str]:
    settings = wanted.settings
    media = f"{settings.rtp_port_start}-{settings.rtp_port_start + settings.rtp_port_count - 1}"
    listening = sorted({settings.publish_port, settings.client_port})
    reserved = ",".join([*map(str, listening), media])
    return {"sysctl.conf": _fill("sysctl.conf", values | {"reserved_ports": reserved})}


TARGETS = {"supervisor": _supervisor, "systemd": _systemd, "container": _container, "sysctl": _sysctl}
"""What files can be made for."""


def _common(wanted: Wanted) -> Values:
    settings = wanted.settings
    return {
        "what": " and ".join(
            f"{len(kind.numbers(settings))} {kind.name}s" if kind.count else f"one {kind.name}" for kind in KINDS
        ),
        "descriptors": max(kind.descriptors(settings) for kind in KINDS) + SPARE_DESCRIPTORS,
        "stop_s": math.ceil(settings.stop_timeout_s) + STOP_MARGIN_S,
    }


def _directory(key: str, wanted: Wanted, quote: Callable[[str], str]) -> str:
    return f"{key}{quote(str(wanted.directory))}\n" if wanted.directory is not None else ""


def _unit(kind: ProgramKind, number: int | str = "") -> str:
    return f"trunkline-{kind.name}.service" if kind.count is None else f"trunkline-{kind.name}@{number}.service"


def _command(kind: ProgramKind, wanted: Wanted, runtime_dir: Path, quote: Callable[[str], str], *, number: str) -> str:
    """Give the command line of a program; `number` stands for its own, and is not to be quoted."""
    # Each is started for itself, and all must mean the same number, whatever CPUs each of them may use.
    counted = {**wanted.options, "workers": str(wanted.settings.worker_count)}
    options = _options(dataclasses.replace(wanted, options=counted), runtime_dir)
    words = [*map(quote, shlex.split(wanted.program)), kind.name]
    words += ["--index", number] if kind.count is not None else []
    return " ".join([*words, *map(quote, options)])


def _options(wanted: Wanted, runtime_dir: Path) -> list[str]:
    given = dict(wanted.options)
    given["runtime_dir"] = str(runtime_dir)
    words = ["--config", str(wanted.config)] if wanted.config is not None else []
    return words + [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", value)]


def _runtime_dir(wanted: Wanted, otherwise: str) -> Path:
    """Give the runtime directory, or the usual place of this kind where none was set."""
    set_on_purpose = "runtime_dir" in wanted.settings.model_fields_set
    return wanted.settings.runtime_dir if set_on_purpose else Path(otherwise)


def _made_by(target: str, wanted: Wanted) -> str:
    words: Sequence[str] = ["trunkline", "gen", target]
    words = [*words, *(["--config", str(wanted.config)] if wanted.config is not None else [])]
    for name, value in wanted.options.items():
        words = [*words, f"--{name.replace('_', '-')}", value]
    if target != "sysctl":
        words = [*words, "--user", wanted.user]
    if target in ("supervisor", "systemd"):
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
    for target in TARGETS:
        options = {"workers": str(WORKERS)} if target in ("supervisor", "systemd") else {}
        files.update(generate(target, Wanted(Settings(workers=WORKERS), options)))
    return files


if __name__ == "__main__":
    write(Path("deploy"), committed())
