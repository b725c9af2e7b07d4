"""Numbers as the RFCs write them: `1*DIGIT`, and nothing that only Python takes for one."""


def read_number(text: str, least: int, most: int) -> int | None:
    """Read ASCII digits as a number between `least` and `most`; None for anything else.

    `int()` alone would let "+1", "1_0", " 1" and Arabic digits pass, and refuse 5000 zeros with an error of its own.
    """
    if not (text.isascii() and text.isdigit()):
        return None
    significant = text.lstrip("0") or "0"
    if len(significant) > len(str(most)):
        return None
    number = int(significant)
    return number if least <= number <= most else None
