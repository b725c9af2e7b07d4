"""A refusal says the same to the log as to the front."""

import pytest

from workers.contract.parts import Refusal
from workers.runtime.refusal import RefusedError


@pytest.mark.parametrize("cause", Refusal)
def test_a_refusal_carries_its_cause_and_reason(cause: Refusal) -> None:
    error = RefusedError(cause, "no free pair of ports")
    assert (error.cause, error.reason, str(error)) == (cause, "no free pair of ports", "no free pair of ports")
