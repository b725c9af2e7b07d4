"""What is wrong with a description, said to whoever made it."""

import reprlib


class DescriptionError(ValueError):
    """A description can't be used: `where` in it, `what` is wrong, and what is `allowed` there."""

    def __init__(self, where: str, what: str, allowed: str) -> None:
        super().__init__(f"{where}: {what}; allowed: {allowed}")
        self.where = where
        self.what = what
        self.allowed = allowed

    def inside(self, where: str) -> "DescriptionError":
        """Return the same error as seen from the part that holds `where` it is."""
        return DescriptionError(f"{where}, {self.where}", self.what, self.allowed)


def shown(value: object) -> str:
    """Write a value for an error's text, shortened."""
    return reprlib.repr(value)
