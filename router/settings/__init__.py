"""Every setting of the router: `model` has them with their bounds, `limits`, `auth`, `mounts` and `files` those of the
tables; `sources` reads them from file and environment."""

from router.settings.auth import Auth
from router.settings.limits import Limits
from router.settings.model import Settings

__all__ = ["Auth", "Limits", "Settings"]
