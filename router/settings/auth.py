"""Settings of who may come in."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StrictFloat, field_validator
from pydantic_settings import NoDecode

from router.settings.bounds import Timeout

Scheme = Literal["basic", "digest-md5", "digest-sha256"]


class Auth(BaseModel):
    """Who may publish and who may read, and how they prove it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # 128 characters and no quotes: it stands in a header between them.
    realm: str = Field(
        default="Trunkline",
        min_length=1,
        max_length=128,
        pattern=r'^[^"\\\x00-\x1f]+$',
        description="realm of the challenges",
    )
    schemes: Annotated[tuple[Scheme, ...], NoDecode] = Field(
        default=("basic", "digest-md5"),
        description="schemes offered, the strongest first in whatever order they stand here",
    )
    nonce_lifetime_s: Timeout = Field(
        default=300, description="how long a digest nonce is good, at the address that it was given to"
    )
    # At most a minute: a client that waits longer gives up, and its connection is held for nothing.
    failure_delay_s: StrictFloat = Field(
        default=1,
        ge=0,
        le=60,
        description="delay of the answer to wrong credentials; after 10 wrong ones of a host, or of a user, the next"
        " are judged one by one, each so long after the last; 0 is no bound",
    )
    publish_users: dict[str, SecretStr] = Field(
        default={}, description="users who may publish: name = password; none: everyone"
    )
    client_users: dict[str, SecretStr] = Field(
        default={}, description="users who may read: name = password; none: everyone"
    )

    @field_validator("schemes")
    @classmethod
    def _schemes_differ(cls, value: tuple[Scheme, ...]) -> tuple[Scheme, ...]:
        if not value or len(set(value)) != len(value):
            raise ValueError("must have one scheme at least, and none twice")
        return value

    @field_validator("publish_users", "client_users")
    @classmethod
    def _names_fit_basic(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        # RFC 7617 2: the first colon ends the name, so a name that has one could never log in.
        if any(not name or ":" in name for name in value):
            raise ValueError("must have names that are not empty and contain no colon")
        # Everybody could log in with what `config show` prints for every password.
        masked = sorted(name for name, secret in value.items() if secret.get_secret_value() == str(secret))
        if masked:
            raise ValueError(f"must have passwords; {', '.join(masked)} has the mask that `config show` prints instead")
        return value
