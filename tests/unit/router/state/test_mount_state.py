"""Every state of a mount with every change: what the table has, and what it must not have."""

import pytest

from router.state.mount_state import ImpossibleChange, MountChange, MountLife, MountState, restored_life

S, C = MountState, MountChange
IMPOSSIBLE = {
    (S.ANNOUNCED, C.VANISHED),  # it ends with its publisher
    *((state, C.RECORD) for state in (S.STARTING, S.LIVE, S.SILENT)),  # the next one waits for the end of the first
    *((S.CLOSED, change) for change in C),
}
SAME_STATE = {
    *((S.ANNOUNCED, change) for change in (C.HEARD, C.FELL_SILENT, C.CARRIED_ON)),
    (S.STARTING, C.CARRIED_ON),
    (S.LIVE, C.HEARD),
    *((S.SILENT, change) for change in (C.FELL_SILENT, C.CARRIED_ON)),
    *((S.WAITING, change) for change in (C.HEARD, C.FELL_SILENT, C.CARRIED_ON, C.VANISHED)),
}
NEW_STATE = {
    (S.ANNOUNCED, C.RECORD): S.STARTING,
    (S.STARTING, C.HEARD): S.LIVE,
    (S.STARTING, C.FELL_SILENT): S.SILENT,
    (S.LIVE, C.FELL_SILENT): S.SILENT,
    (S.LIVE, C.CARRIED_ON): S.SILENT,
    (S.SILENT, C.HEARD): S.LIVE,
    **{(state, C.VANISHED): S.WAITING for state in (S.STARTING, S.LIVE, S.SILENT)},
    (S.WAITING, C.RECORD): S.STARTING,
    **{(state, C.CLOSE): S.CLOSED for state in S if state is not S.CLOSED},
}


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("change", C)
def test_every_state_with_every_change(state: MountState, change: MountChange) -> None:
    life = MountLife(state, 1.0)
    if (state, change) in IMPOSSIBLE:
        with pytest.raises(ImpossibleChange, match=f"{change.name} of a mount that is {state}"):
            life.after(change, 2.0)
    elif (state, change) in SAME_STATE:
        assert life.after(change, 2.0) == life  # and since when it has been so
    else:
        assert life.after(change, 2.0) == MountLife(NEW_STATE[state, change], 2.0)


@pytest.mark.parametrize(
    ("publishing", "heard", "silent", "life"),
    [
        (True, True, False, MountLife(S.LIVE, 9.0)),
        (True, True, True, MountLife(S.SILENT, 9.0)),
        (True, False, True, MountLife(S.STARTING, 5.0)),
        (False, True, True, MountLife(S.WAITING, 9.0)),
    ],
)
def test_the_life_of_a_mount_that_a_front_takes_over(
    publishing: bool, heard: bool, silent: bool, life: MountLife
) -> None:
    assert restored_life(publishing=publishing, heard=heard, silent=silent, recording_since=5.0, now=9.0) == life
