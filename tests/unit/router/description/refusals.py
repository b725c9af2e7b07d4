"""How a value that is not allowed is refused to its maker."""

from collections.abc import Callable

import pytest

from router.description import DescriptionError

Refusals = tuple[tuple[str, Callable[[], object]], ...]
"""What stands in an error's text, and what makes the error."""


def check_refused(reason: str, make: Callable[[], object]) -> None:
    with pytest.raises(DescriptionError) as refusal:
        make()
    assert reason in str(refusal.value)
    assert refusal.value.allowed, "whoever made it is told what would be right"
