"""Settings of single mounts, by their paths."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictFloat, StrictInt

from router.paths import decoded_path


class MountSettings(BaseModel):
    """What is different for a mount. None: as for all others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_readers: StrictInt | None = Field(
        default=None,
        ge=0,
        le=1_000_000,
        description="readers of the mount on PATH; one more gets 503; 0 is no limit;"
        " not set: as `limits.max_readers_per_mount`",
    )
    reconnect_grace_s: StrictFloat | None = Field(
        default=None,
        ge=0,
        le=86_400,
        description="time that the mount on PATH waits for its publisher to come back; 0 closes it at once;"
        " not set: as `reconnect_grace_s`",
    )


def _check_paths(value: dict[str, MountSettings]) -> dict[str, MountSettings]:
    wrong = sorted(path for path in value if not path.startswith("/") or "*" in path[:-1])
    if wrong:
        raise ValueError(
            f"must be tables by path, from / on, or by the beginning of paths and *; {wrong[0]!r} is neither"
        )
    decoded = {decoded_path(path): table for path, table in value.items()}
    if len(decoded) < len(value):
        raise ValueError("must have one table for each path, however it is written")
    return decoded


MountTables = Annotated[dict[str, MountSettings], AfterValidator(_check_paths)]
"""Settings by a path, or by the beginning of paths and a `*`."""


def of_path(tables: Mapping[str, MountSettings], path: str) -> MountSettings:
    """Put together what the tables say of a path: each setting is that of the closest table that has it."""
    fitting = [each for each in tables if each == path or (each[-1] == "*" and path.startswith(each[:-1]))]
    values: dict[str, object] = {}
    for each in sorted(fitting, key=lambda each: (each == path, len(each))):
        values |= tables[each].model_dump(exclude_none=True)
    return MountSettings.model_validate(values)
