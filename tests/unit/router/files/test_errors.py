"""Whatever is wrong with a file is one kind of error, and says what would help."""

import pytest

from router.files import errors
from router.files.errors import FileError, PyAVMissing


@pytest.mark.parametrize("name", ["PyAVMissing", "FileUnreadable", "UnsupportedCodec", "FileChanged", "FileBroken"])
def test_one_clause_catches_all_of_them(name: str) -> None:
    assert issubclass(getattr(errors, name), FileError)


def test_what_is_missing_is_said_with_how_to_get_it() -> None:
    assert str(PyAVMissing()) == "files need PyAV: pip install 'trunkline[file]'"
