"""Which source wins, and what people are told of one that is wrong."""

import os
from pathlib import Path
from typing import Any

import pytest

from router.settings import Settings
from router.settings_sources import SettingsError, from_json, load, to_json, unknown_variables


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
    config.write_text("publish_port = 70000\n[limits]\ntracks = 0\n[auth]\nschemes = ['ntlm']\n")
    monkeypatch.setenv("TRUNKLINE_LIMITS__HEADERS", "10001")
    assert sorted(problems(config, {"workers": "none"})) == [
        f"auth.schemes.0 = 'ntlm' ({config}): should be 'basic', 'digest-md5' or 'digest-sha256'",
        "limits.headers = '10001' (TRUNKLINE_LIMITS__HEADERS): should be less than or equal to 10000",
        f"limits.tracks = 0 ({config}): should be greater than or equal to 1",
        f"publish_port = 70000 ({config}): should be less than or equal to 65535",
        "workers = 'none' (--workers): auto or a number from 1 to 1024",
    ]


def test_an_unknown_key_is_an_error_that_knows_better(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("publish_prt = 1\n[limits]\nconections = 3\n")
    monkeypatch.setenv("TRUNKLINE_AUTH__RELM", "x")
    assert sorted(problems(config, {})) == [
        "auth.relm (TRUNKLINE_AUTH__RELM): no such setting; did you mean auth.realm?",
        f"limits.conections ({config}): no such setting; did you mean limits.connections?",
        f"publish_prt ({config}): no such setting; did you mean publish_port?",
    ]


def test_what_does_not_fit_together_is_named() -> None:
    (problem,) = problems(None, {"rtp_port_count": "2", "workers": "4"})
    assert "rtp_port_count=2" in problem
    assert "workers=4" in problem


def test_a_password_is_never_repeated(config: Path) -> None:
    config.write_text("[auth.publish_users]\nanna = 1234\n")
    assert problems(config, {}) == [f"auth.publish_users.anna ({config}): should be a valid string"]
    config.write_text('[auth.publish_users]\n"a:b" = "geheim"\n')
    assert "geheim" not in "".join(problems(config, {}))


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
    (problem,) = problems(None, {})
    assert problem.startswith("environment: ")
    assert "geheim" not in problem


def test_unknown_variables_are_listed_but_for_the_tests_own() -> None:
    names = ["TRUNKLINE_HOST", "TRUNKLINE_LIMITS__TRACKS", "TRUNKLINE_CONFIG", "TRUNKLINE_TESTS_X", "PATH"]
    kubernetes = ["TRUNKLINE_PORT", "TRUNKLINE_SERVICE_HOST"]
    assert unknown_variables(dict.fromkeys(names + kubernetes, "")) == kubernetes


def test_settings_travel_between_programs_with_their_secrets() -> None:
    settings = Settings.model_validate({"workers": 3, "auth": {"client_users": {"anna": "geheim"}}})
    assert from_json(to_json(settings)) == settings


@pytest.mark.parametrize("data", [b"", b"{", b"3", b"\xff", b'{"workers": 0}'])
def test_settings_that_got_lost_between_programs(data: bytes) -> None:
    with pytest.raises(SettingsError):
        from_json(data)
