"""Settings of the files that are served."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, field_validator

from router.paths import decoded_path

MOST_FILES = 1000
"""Each that plays has a thread that reads it, and ports."""


class FileSettings(BaseModel):
    """One file that readers find at its path."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Path = Field(description="the file, of any kind that FFmpeg reads")
    loop: StrictBool = Field(default=False, description="begin anew at the end, without a jump")
    on_demand: StrictBool = Field(
        default=True, description="play from the first reader to the last, else from the start on"
    )

    @field_validator("file")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()  # the programs of a router may have been started in different places


def _check_paths(value: dict[str, FileSettings]) -> dict[str, FileSettings]:
    """Refuse paths that no reader could ask for.

    Raises:
        ValueError: it says which.
    """
    for path in value:
        if not path.startswith("/") or path == "/" or path.endswith("/") or any(each in path for each in "?# "):
            raise ValueError(f"must have paths such as /movie, not {path!r}")
    if len(value) > MOST_FILES:
        raise ValueError(f"must have {MOST_FILES} files at most")
    if len({decoded_path(path) for path in value}) < len(value):
        raise ValueError("must have one file for each path, however it is written")
    return value


FileTables = Annotated[dict[str, FileSettings], AfterValidator(_check_paths)]
"""Files by the path that readers find them at."""
