"""Which source wins, and what people are told of one that is wrong."""

import os
from pathlib import Path
from typing import Any

import pytest

from router.settings import Settings
from router.settings.allowed import leaves
from router.settings.sources import SettingsError, from_json, load, to_json, unknown_variables


@pytest.fixture(autouse=True)
def _no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("TRUNKLINE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "trunkline.toml"
    path.write_text("publish_port = 1\nclient_port = 1\nrtp_port_start = 2000\n[limits]\nmounts = 1\nsessions = 1\n")
    return path


def problems(config: Path | None, command_line: dict[str, Any]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(config, command_line)
    return list(caught.value.problems)


def test_the_command_line_wins_over_the_environment_over_the_file_over_the_defaults(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUNKLINE_CLIENT_PORT", "2")
    monkeypatch.setenv("TRUNKLINE_RTP_PORT_START", "3000")
    monkeypatch.setenv("TRUNKLINE_LIMITS__SESSIONS", "2")
    settings = load(config, {"rtp_port_start": "4000"})
    assert settings.publish_port == 1
    assert settings.client_port == 2
    assert settings.rtp_port_start == 4000
    assert settings.rtp_port_count == Settings().rtp_port_count
    assert (settings.limits.mounts, settings.limits.sessions) == (1, 2)
    assert settings.limits.tracks == Settings().limits.tracks


def test_the_environment_may_name_the_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_CONFIG", str(config))
    assert load(None, {}).publish_port == 1


def test_lists_and_tables_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_AUTH__SCHEMES", "basic,digest-sha256")
    monkeypatch.setenv("TRUNKLINE_AUTH__CLIENT_USERS", '{"Anna": "geheim"}')
    monkeypatch.setenv("TRUNKLINE_AUTH__PUBLISH_USERS__CAM", "12")
    auth = load(None, {}).auth
    assert auth.schemes == ("basic", "digest-sha256")
    assert auth.client_users["Anna"].get_secret_value() == "geheim"
    assert auth.publish_users["cam"].get_secret_value() == "12"


def test_an_error_names_key_value_source_and_what_is_allowed(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text(
        "publish_port = true\nclient_port = '6554'\nrtp_port_start = 10001\npublish_conflict = 'x'\nhost = 1\n"
        "[limits]\ntracks = 0\n[auth]\nschemes = ['ntlm']\nrealm = ''\nclient_users = 'x'\n"
    )
    monkeypatch.setenv("TRUNKLINE_LIMITS__HEADERS", "10001")
    monkeypatch.setenv("TRUNKLINE_PUBLISH_TIMEOUT_S", "soon")
    assert sorted(problems(config, {"workers": "none", "session_timeout_s": "1.0"})) == [
        f"auth.client_users ({config}): must be a table",
        f"auth.realm = '' ({config}): must be 1 to 128 characters, without quotes, backslashes or control characters",
        f"auth.schemes.0 = 'ntlm' ({config}): must be a list with some of basic, digest-md5, digest-sha256",
        f"client_port = '6554' ({config}): must be a whole number from 0 to 65535",
        f"host = 1 ({config}): must be text in quotes",
        "limits.headers = 10001 (TRUNKLINE_LIMITS__HEADERS): must be a whole number from 10 to 10000",
        f"limits.tracks = 0 ({config}): must be a whole number from 1 to 32",
        f"publish_conflict = 'x' ({config}): must be one of reject, takeover, takeover-if-stale",
        f"publish_port = True ({config}): must be a whole number from 0 to 65535",
        "publish_timeout_s = 'soon' (TRUNKLINE_PUBLISH_TIMEOUT_S): must be a number above 0, up to 86400",
        f"rtp_port_start = 10001 ({config}): must be an even number from 1024 to 65534",
        "session_timeout_s = '1.0' (--session-timeout-s): must be a whole number from 1 to 86400",
        "workers = 'none' (--workers): must be auto or a whole number from 1 to 1024",
    ]


def test_no_setting_is_refused_in_the_librarys_words() -> None:
    """Whatever a setting is, what it may be is said in ours: the library's begin with `Input should`."""
    for key, _ in leaves():
        top, _, below = key.partition(".")
        values = {top: {below: object()} if below else object()}
        assert [each for each in problems(None, values) if ": must be " not in each] == []


def test_files_in_the_file_in_the_environment_and_on_the_command_line(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text('[files."/a"]\nfile = "a.mp4"\nloop = true\n[files."/b"]\nfile = "b.mp4"\non_demand = false\n')
    files = load(config, {}).files
    assert [(name, each.loop, each.on_demand) for name, each in files.items()] == [
        ("/a", True, True),
        ("/b", False, False),
    ]
    monkeypatch.setenv("TRUNKLINE_FILES", '{"/c": {"file": "c.mp4"}}')
    assert list(load(config, {}).files) == ["/c"]
    assert list(load(config, {"files": {"/d": {"file": "d.mp4", "loop": False}}}).files) == ["/d"]
    assert from_json(to_json(load(config, {}))) == load(config, {})


def test_what_is_wrong_with_files_is_said_where_it_stands(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('[files."/a"]\nfile = 3\nloop = "yes"\nlop = true\n[files."/b"]\n')
    assert sorted(problems(config, {})) == [
        f"files./a.file = 3 ({config}): must be text in quotes",
        f"files./a.loop = 'yes' ({config}): must be true or false",
        f'files./a.lop ({config}): no such setting; did you mean files."/PATH".loop?',
        f"files./b.file is missing ({config}): must be text in quotes",
    ]
    (problem,) = problems(None, {"files": {"b": {"file": "b.mp4"}}})
    assert problem == "files (--file): must have paths such as /movie, not 'b'"


def test_a_table_of_users_replaces_the_one_below_as_a_whole(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("[auth]\nrealm = 'Here'\n[auth.client_users]\nanna = 'a'\n[auth.publish_users]\ncam = 'c'\n")
    monkeypatch.setenv("TRUNKLINE_AUTH__CLIENT_USERS", '{"bert": "b"}')
    auth = load(config, {}).auth
    assert list(auth.client_users) == ["bert"]
    assert list(auth.publish_users) == ["cam"]
    assert auth.realm == "Here"


def test_an_unknown_key_is_an_error_that_knows_better(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("publish_prt = 1\n[limits]\nconections = 3\n")
    monkeypatch.setenv("TRUNKLINE_AUTH__RELM", "x")
    assert sorted(problems(config, {})) == [
        "auth.relm (TRUNKLINE_AUTH__RELM): no such setting; did you mean auth.realm?",
        f"limits.conections ({config}): no such setting; did you mean limits.connections?",
        f"publish_prt ({config}): no such setting; did you mean publish_port?",
    ]


def test_settings_of_mounts(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('[mounts."/hall"]\nmax_readers = 3\n[mounts."/cam/*"]\n')
    assert load(config, {}).max_readers_of("/hall") == 3
    config.write_text('[mounts."/hall"]\nmax_readers = "3"\nmax_reader = 3\n')
    assert sorted(problems(config, {})) == [
        f'mounts./hall.max_reader ({config}): no such setting; did you mean mounts."/PATH".max_readers?',
        f"mounts./hall.max_readers = '3' ({config}): must be a whole number from 0 to 1000000",
    ]
    config.write_text("")
    monkeypatch.setenv("TRUNKLINE_MOUNTS", '{"/hall": {"max_readers": 4}}')
    assert load(config, {}).max_readers_of("/hall") == 4
    monkeypatch.setenv("TRUNKLINE_MOUNTS", '{"hall": {}}')
    (problem,) = problems(config, {})
    assert "(TRUNKLINE_MOUNTS): must be tables by path" in problem


def test_what_does_not_fit_together_is_named() -> None:
    (problem,) = problems(None, {"rtp_port_count": "2", "workers": "4"})
    assert "rtp_port_count=2" in problem
    assert "workers=4" in problem


def test_a_password_is_never_repeated(config: Path) -> None:
    config.write_text("[auth.publish_users]\nanna = 1234\n")
    assert problems(config, {}) == [f"auth.publish_users.anna ({config}): must be text in quotes"]
    config.write_text('[auth.publish_users]\n"a:b" = "geheim"\n')
    assert "geheim" not in "".join(problems(config, {}))
    config.write_text('auth = "geheim"\n')
    assert problems(config, {}) == [f"auth ({config}): must be a table"]


def test_the_mask_of_a_password_is_no_password(config: Path) -> None:
    config.write_text("[auth.publish_users]\nanna = '**********'\n")
    (problem,) = problems(config, {})
    assert problem.startswith(f"auth.publish_users ({config}): must have passwords; anna has the mask")


def test_a_user_in_the_environment_is_looked_for_in_the_variable_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_AUTH__CLIENT_USERS", '{"anna": 3}')
    assert problems(None, {}) == ["auth.client_users.anna (TRUNKLINE_AUTH__CLIENT_USERS): must be text in quotes"]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    assert problems(missing, {}) == [f"{missing}: No such file or directory"]
    assert problems(tmp_path, {}) == [f"{tmp_path}: Is a directory"]
    broken = tmp_path / "broken.toml"
    broken.write_text("publish_port = \n")
    assert problems(broken, {})[0].startswith(f"{broken}: not TOML: Invalid value (at line 1")
    broken.write_bytes(b"\xff\xfe")
    assert problems(broken, {})[0].startswith(f"{broken}: not TOML: ")


def test_json_that_is_broken_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_AUTH__CLIENT_USERS", '{"anna": "geheim')
    monkeypatch.setenv("TRUNKLINE_LIMITS", "many")
    limits, users = sorted(problems(None, {}), reverse=True)
    assert limits == "TRUNKLINE_LIMITS: must be a table in JSON: Expecting value: line 1 column 1 (char 0)"
    assert users.startswith("TRUNKLINE_AUTH__CLIENT_USERS: must be a table in JSON: Unterminated string")
    assert "geheim" not in users


def test_unknown_variables_are_listed_but_for_the_tests_own() -> None:
    names = ["TRUNKLINE_HOST", "TRUNKLINE_LIMITS__TRACKS", "TRUNKLINE_CONFIG", "TRUNKLINE_TESTS_X", "PATH"]
    kubernetes = [
        "TRUNKLINE_PORT", "TRUNKLINE_PORT_5554_TCP", "TRUNKLINE_PORT_5554_TCP_ADDR", "TRUNKLINE_PORT_5554_TCP_PORT",
        "TRUNKLINE_PORT_5554_TCP_PROTO", "TRUNKLINE_SERVICE_HOST", "TRUNKLINE_SERVICE_PORT",
        "TRUNKLINE_SERVICE_PORT_PUBLISH",
    ]  # fmt: skip
    assert unknown_variables(dict.fromkeys(names + kubernetes, "")) == kubernetes


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("TRUNKLINE_LIMITS_SESSIONS", "TRUNKLINE_LIMITS__SESSIONS"),
        ("TRUNKLINE_AUTH_CLIENT_USERS", "TRUNKLINE_AUTH__CLIENT_USERS"),
        ("TRUNKLINE_CLIENT_USERS", "TRUNKLINE_AUTH__CLIENT_USERS"),
        ("TRUNKLINE_WORKER", "TRUNKLINE_WORKERS"),
        ("TRUNKLINE_SESSION_TIMEOUT", "TRUNKLINE_SESSION_TIMEOUT_S"),
        ("TRUNKLINE_CONFG", "TRUNKLINE_CONFIG"),
    ],
)
def test_a_variable_that_is_nearly_a_setting_is_an_error(
    monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    monkeypatch.setenv(name, "3")
    assert problems(None, {"workers": "0"}) == [
        f"{name} is in the environment, but there is no such setting; did you mean {meant}?",
        "workers = 0 (--workers): must be auto or a whole number from 1 to 1024",
    ]
    assert unknown_variables(os.environ) == []


def test_settings_travel_between_programs_with_their_secrets() -> None:
    settings = Settings.model_validate({"workers": 3, "auth": {"client_users": {"anna": "geheim"}}})
    assert from_json(to_json(settings)) == settings


@pytest.mark.parametrize("data", [b"", b"{", b"3", b"\xff", b'{"workers": 0}'])
def test_settings_that_got_lost_between_programs(data: bytes) -> None:
    with pytest.raises(SettingsError):
        from_json(data)
