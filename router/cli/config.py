"""`trunkline config`: what is in a file with settings."""

from router.cli.given import check_hooks, load
from router.cli.options import File


def check(file: File = None) -> None:
    """Check a file with settings, as the environment changes them, and load its hooks as `serve` would."""
    check_hooks(load(file, {}))
    print("ok")


def show(file: File = None) -> None:
    """Print the settings that come of a file, the environment and the defaults; secrets are masked."""
    settings = load(file, {})
    from router.settings import text as settings_text

    print(settings_text.to_toml(settings), end="")
