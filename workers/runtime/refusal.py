"""The one way in which a command is refused."""

from workers.contract.parts import Refusal


class RefusedError(Exception):
    """A command can't be carried out, and nothing of it was kept. Answered with `Refused`."""

    def __init__(self, cause: Refusal, reason: str) -> None:
        super().__init__(reason)
        self.cause = cause
        self.reason = reason
