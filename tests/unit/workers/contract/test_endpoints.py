"""The names inside a runtime directory, and the longest that the kernel takes."""

from pathlib import Path

import pytest

from workers.contract.endpoints import MAX_SOCKET_PATH_BYTES, Endpoints

LONGEST = MAX_SOCKET_PATH_BYTES - len("/descriptors")


def test_all_sockets_are_inside_the_runtime_directory() -> None:
    endpoints = Endpoints(Path("/run/trunkline"))
    assert endpoints.control == "ipc:///run/trunkline/control"
    paths = {endpoints.control_path, endpoints.descriptors_path, endpoints.lock_path}
    assert {each.parent for each in paths} == {Path("/run/trunkline")}
    assert len(paths) == 3


@pytest.mark.parametrize(
    ("directory", "excess"),
    [
        ("/" + "d" * (LONGEST - 1), 0),
        ("/" + "d" * LONGEST, 1),
        ("/" + "é" * ((LONGEST - 1) // 2), 0),  # bytes count, not characters
        ("/" + "é" * ((LONGEST - 1) // 2 + 1), 2),
        ("/" + "d" * (LONGEST + 99), 100),
    ],
)
def test_a_directory_that_the_kernel_could_not_take_is_named(directory: str, excess: int) -> None:
    expected = f"runtime directory {directory} is {excess} bytes too long for a Unix socket" if excess else None
    assert Endpoints(Path(directory)).problem() == expected
