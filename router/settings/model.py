"""Every setting of the router: one typed, frozen model with its defaults, bounds and the checks across them.

The constructor takes exactly what it is given. `router.settings.sources` reads the environment and a file.
"""

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    field_validator,
    model_validator,
)

from router.settings.auth import Auth
from router.settings.bounds import ListenPort, Timeout
from router.settings.files import FileTables
from router.settings.limits import Limits
from router.settings.mounts import MountTables, of_path
from router.settings.multicast import check_interface, check_multicast, check_range
from workers.contract.endpoints import Endpoints

# 1024 is past the cores of any box; each worker costs a process.
WorkerCount = Annotated[StrictInt, Field(ge=1, le=1024)]


def default_runtime_dir() -> Path:
    """Name the runtime directory of whoever runs this: the session's own where there is one, else below /tmp."""
    session = os.environ.get("XDG_RUNTIME_DIR")
    return Path(session) / "trunkline" if session else Path(f"/tmp/trunkline-{os.getuid()}")


class Settings(BaseModel):
    """All settings of one router. Raises pydantic's ValidationError for what doesn't fit."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    host: str = Field(default="", description="address to listen on; empty: all addresses, IPv4 and IPv6")
    publish_port: ListenPort = Field(default=5554, description="TCP port for publishers; 0 picks a free one")
    client_port: ListenPort = Field(
        default=6554,
        description="TCP port for readers; 0 picks a free one, the publish port's number makes one port do both",
    )
    # From 1024 on no privilege is needed; even, because RTP takes the even port of a pair (RFC 3550 11).
    rtp_port_start: StrictInt = Field(
        default=10_000, ge=1024, le=65_534, multiple_of=2, description="first UDP port for media, an even number"
    )
    rtp_port_count: StrictInt = Field(
        default=10_000,
        ge=2,
        le=64_512,
        description="UDP ports for media; each worker gets an equal share, a track takes two",
    )
    multicast_range: Annotated[str, AfterValidator(check_range)] = Field(
        default="",
        description="multicast groups for readers, IPv4 or IPv6, such as 239.192.0.0/16; a track takes one;"
        " empty: no multicast",
    )
    # 5004 is RTP's own (RFC 3551 8), far from where the other UDP ports begin.
    multicast_ports: StrictInt = Field(
        default=5004,
        ge=1024,
        le=65_534,
        multiple_of=2,
        description="UDP port that all groups have, an even number; RTCP takes the next one",
    )
    multicast_ttl: StrictInt = Field(
        default=1, ge=1, le=255, description="how many networks a multicast packet may come to; 1 is this one alone"
    )
    multicast_interface: Annotated[str, AfterValidator(check_interface)] = Field(
        default="",
        description="interface that multicast leaves by, its address or name; empty: by the kernel's routes",
    )
    workers: Literal["auto"] | WorkerCount = Field(
        default="auto", description="worker processes: a number, or auto for one per CPU that this process may use"
    )
    hooks: str | None = Field(
        default=None,
        description="MODULE:NAME of the object (or MODULE) whose functions decide and are told",
    )
    runtime_dir: Path = Field(
        default_factory=default_runtime_dir, description="private directory where front and workers meet"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least level that is logged"
    )
    log_format: Literal["text", "json"] = Field(default="text", description="log lines for people or for programs")
    publish_conflict: Literal["reject", "takeover", "takeover-if-stale"] = Field(
        default="takeover-if-stale",
        description="what a second publisher of a path gets: 503, the path, or the path if the first has gone silent",
    )
    # Whole seconds: it stands in the Session header as `timeout=60` (RFC 2326 12.37).
    session_timeout_s: StrictInt = Field(
        default=60, ge=1, le=86_400, description="life of a session without any sign of life"
    )
    handshake_timeout_s: Timeout = Field(default=10, description="idle time of a connection that is in no session")
    publish_timeout_s: Timeout = Field(default=10, description="life of a mount without RTP from its publisher")
    publish_start_timeout_s: Timeout = Field(
        default=30, description="the same before the first RTP packet: encoders start slowly"
    )
    stale_after_s: Timeout = Field(default=2, description="silence after which a publisher may be replaced")
    # A day, as for all times.
    reconnect_grace_s: StrictFloat = Field(
        default=0,
        ge=0,
        le=86_400,
        description="time that a mount and its readers wait for a publisher that has vanished; 0 closes them at once",
    )
    write_timeout_s: Timeout = Field(
        default=10, description="time that a TCP reader may read nothing before it is closed"
    )
    # Less than a video frame would drop all; more than 256 MB for one reader is a leak.
    write_queue_bytes: StrictInt = Field(
        default=2_000_000,
        ge=65_536,
        le=268_435_456,
        description="bytes queued for one TCP reader before it counts as too slow",
    )
    slow_reader_policy: Literal["drop", "close"] = Field(
        default="drop",
        description="what a TCP reader that is too slow gets: a gap of whole frames up to the next random-access point,"
        " or the end of its connection",
    )
    rebalance: Literal["on", "off"] = Field(
        default="on", description="whether mounts are moved by themselves where workers stay loaded unevenly"
    )
    # Measurements of idle workers differ by a few percent; a worker has one thread, so one core is the most it uses.
    rebalance_threshold: StrictFloat = Field(
        default=25,
        ge=5,
        le=100,
        description="percent of a core that the busiest worker may be loaded more than the idlest",
    )
    rebalance_hold_s: Timeout = Field(default=30, description="how long it must be more before a mount is moved")
    rebalance_rest_s: Timeout = Field(default=300, description="how long a mount that was moved is left where it is")
    # Past a hundred percent a worker can't go: it has one thread.
    replica_cpu_percent: StrictFloat = Field(
        default=80,
        ge=0,
        le=100,
        description="percent of a core; a worker that is as busy with one mount gives that mount's new readers to a"
        " replica on another worker; 0 is never",
    )
    replica_readers: StrictInt = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="readers of a mount at one worker, after which new ones go to a replica on another; 0 is no limit",
    )
    hook_timeout_s: Timeout = Field(
        default=10, description="time limit of a hook or a handler's method; what takes longer denies"
    )
    command_timeout_s: Timeout = Field(default=5, description="time limit of a worker's reply to a command")
    heartbeat_interval_s: Timeout = Field(default=0.5, description="time between a worker's heartbeats")
    heartbeat_timeout_s: Timeout = Field(default=3, description="silence after which a worker counts as hung")
    orphan_timeout_s: Timeout = Field(default=60, description="time that workers carry on without a front")
    # Zero would give the packets of a dead session to the next one.
    port_rest_s: Timeout = Field(default=2, description="time that a freed UDP port pair rests before it is used again")
    # Past 50 ms it would be heard and seen.
    batch_window_ms: StrictFloat = Field(
        default=1,
        ge=0,
        le=50,
        description="time that packets gather before they are sent together, three times that where they never cease;"
        " 0 sends at once",
    )
    stop_timeout_s: Timeout = Field(
        default=5, description="time that each program gets to end in order before it is killed"
    )
    limits: Limits = Field(default_factory=Limits, description="what peers can make grow, and how far")
    auth: Auth = Field(default_factory=Auth, description="who may publish and read")
    mounts: MountTables = Field(
        default={},
        description='what is different for single mounts: a table for each path, such as [mounts."/hall"],'
        ' or beginning of paths, such as [mounts."/cameras/*"]; the closest wins',
    )
    files: FileTables = Field(
        default={}, description='files for readers: a table for each path, such as [files."/movie"]'
    )

    @property
    def worker_count(self) -> int:
        """The number of workers, with `auto` worked out for the process that asks: see `counted`."""
        if self.workers != "auto":
            return self.workers
        return min(len(os.sched_getaffinity(0)), self.rtp_port_count // 2)

    def counted(self) -> Self:
        """Fix the number of workers: whoever owns a router calls it once, and tells the number to everybody else."""
        return self.model_copy(update={"workers": self.worker_count})

    def max_readers_of(self, path: str) -> int:
        """Say how many readers a mount may have; 0 is no limit."""
        own = of_path(self.mounts, path).max_readers
        return self.limits.max_readers_per_mount if own is None else own

    def reconnect_grace_of(self, path: str) -> float:
        """Say how long a mount waits for its publisher to come back, in seconds."""
        own = of_path(self.mounts, path).reconnect_grace_s
        return self.reconnect_grace_s if own is None else own

    @property
    def endpoints(self) -> Endpoints:
        """The sockets' names in the runtime directory."""
        return Endpoints(self.runtime_dir)

    @field_validator("host")
    @classmethod
    def _host_is_numeric(cls, value: str) -> str:
        # A name could mean several addresses, and other ones tomorrow; workers bind what they are told.
        if value:
            try:
                ipaddress.ip_address(value)
            except ValueError:
                raise ValueError("must be an IPv4 or IPv6 address of this machine, or empty for all") from None
        return value

    @field_validator("hooks")
    @classmethod
    def _hooks_name_an_object(cls, value: str | None) -> str | None:
        if value is not None and re.fullmatch(r"\w+(\.\w+)*(:\w+(\.\w+)*)?", value) is None:
            raise ValueError("must be MODULE:NAME, such as cameras.hooks:hooks, or MODULE")
        return value

    @field_validator("workers", mode="before")
    @classmethod
    def _workers_number(cls, value: Any) -> Any:
        if value == "auto" or (type(value) is int and 1 <= value <= 1024):
            return value
        raise ValueError("must be auto or a whole number from 1 to 1024")

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("runtime_dir")
    @classmethod
    def _runtime_dir_fits(cls, value: Path) -> Path:
        # Absolute, as the programs that meet there may have been started in different places.
        absolute = value.expanduser().absolute()
        problem = Endpoints(absolute).problem()
        if problem is not None:
            raise ValueError(problem)
        return absolute

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        media_ports = range(self.rtp_port_start, self.rtp_port_start + self.rtp_port_count)
        if media_ports[-1] > 65_535:
            raise ValueError(
                f"rtp_port_start={self.rtp_port_start} and rtp_port_count={self.rtp_port_count} end at port"
                f" {media_ports[-1]}; 65535 is the last there is"
            )
        if self.workers != "auto" and self.rtp_port_count < 2 * self.workers:
            raise ValueError(
                f"rtp_port_count={self.rtp_port_count} is too few for workers={self.workers}:"
                " each needs a pair of ports at least"
            )
        if self.heartbeat_timeout_s < 2 * self.heartbeat_interval_s:
            raise ValueError(
                f"heartbeat_timeout_s={self.heartbeat_timeout_s} must be at least twice"
                f" heartbeat_interval_s={self.heartbeat_interval_s}, or one late heartbeat counts as death"
            )
        if self.stale_after_s > self.publish_timeout_s:
            raise ValueError(
                f"stale_after_s={self.stale_after_s} must not be more than publish_timeout_s={self.publish_timeout_s}:"
                " the mount is gone by then"
            )
        check_multicast(self.multicast_range, self.multicast_ports, self.host, media_ports)
        if self.limits.line_bytes > self.limits.head_bytes:
            raise ValueError(
                f"limits.line_bytes={self.limits.line_bytes} must not be more than"
                f" limits.head_bytes={self.limits.head_bytes}, of which a line is a part"
            )
        return self
