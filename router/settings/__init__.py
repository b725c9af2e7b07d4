"""Every setting of the router: `model` has them with their bounds, `sources` reads them from file and environment."""

from router.settings.model import Auth, Limits, Settings

__all__ = ["Auth", "Limits", "Settings"]
