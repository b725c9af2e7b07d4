"""The files of `trunkline gen`: those in `deploy/` are up to date, and settings come through whole."""

import configparser
import re
import shlex
from pathlib import Path

import pytest

from router.connections.listeners import BACKLOG
from router.deployment.generate import TARGETS, GenerateError, Wanted, committed, generate
from router.settings import Settings
from workers.sockets.udp_pairs import MEDIA_RECEIVE_BYTES, MEDIA_SEND_BYTES

ROOT = Path(__file__).parents[4]


def wanted(options: dict[str, str] | None = None, **rest: object) -> Wanted:
    given = options or {}
    values = {name: int(value) if value.isdecimal() else value for name, value in given.items()}
    return Wanted(Settings.model_validate({"workers": 2, **values}), given, **rest)  # type: ignore[arg-type]  # as given


def unit(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#", ";"))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # the documented way to keep upper case
    parser.read_string(text)
    return parser


@pytest.mark.parametrize("name", sorted(committed()))
def test_the_files_in_deploy_are_those_of_today(name: str) -> None:
    assert (ROOT / "deploy" / name).read_text("utf-8") == committed()[name], "run: python -m router.deployment.generate"


def test_nothing_else_lies_in_deploy() -> None:
    there = {str(path.relative_to(ROOT / "deploy")) for path in (ROOT / "deploy").rglob("*") if path.is_file()}
    assert there == {*committed(), "README.md", "trunkline.example.toml"}


@pytest.mark.parametrize("target", TARGETS)
def test_each_file_says_how_it_was_made(target: str) -> None:
    for text in generate(target, wanted({"publish_port": "7001"}, user="me")).values():
        (line,) = re.findall(r"^[#;] Made by: (.*)$", text, re.M)
        assert shlex.split(line)[:5] == ["trunkline", "gen", target, "--publish-port", "7001"]
        assert ("--user me" in line) == (target != "sysctl")


def test_supervisord_gets_commands_that_mean_what_was_asked_for() -> None:
    made = wanted(
        {"hooks": "a:b", "log_level": "debug"},
        config=Path("/etc/50% off.toml"),
        program="/opt/a b/trunkline -m x".replace("a b", "'a b'"),
        directory=Path("/srv/hooks"),
    )
    conf = unit(generate("supervisor", made)["supervisord.conf"])
    front = shlex.split(conf["program:front"]["command"] % {})
    rest = ["--config", "/etc/50% off.toml", "--hooks", "a:b", "--log-level", "debug", "--workers", "2"]
    assert front == ["/opt/a b/trunkline", "-m", "x", "front", *rest, "--runtime-dir", "/var/lib/trunkline/run"]
    for index in range(2):
        worker = shlex.split(conf["program:worker"]["command"] % {"process_num": index})
        assert worker == [*front[:3], "worker", "--index", str(index), *front[4:]]
    assert conf["program:worker"]["numprocs"] == "2"
    assert conf["program:front"]["directory"] == "/srv/hooks"


def test_systemd_gets_commands_that_mean_what_was_asked_for() -> None:
    made = wanted({"runtime_dir": "/run/cameras"}, config=Path('/etc/100% $a "b".toml'), user="video")
    files = generate("systemd", made)
    front = unit(files["systemd/trunkline-front.service"])["Service"]
    quoted = r'"/etc/100%% $$a \"b\".toml"'
    assert front["ExecStart"] == (
        f"/opt/trunkline/bin/trunkline front --config {quoted} --runtime-dir /run/cameras --workers 2"
    )
    assert front["User"] == "video"
    assert front["RuntimeDirectory"] == "cameras"
    worker = unit(files["systemd/trunkline-worker@.service"])["Service"]
    assert worker["ExecStart"].startswith("/opt/trunkline/bin/trunkline worker --index %i --config")
    target = files["systemd/trunkline.target"]
    assert re.findall(r"^Wants=trunkline-worker@(\d+)\.service$", target, re.M) == ["0", "1"]


@pytest.mark.parametrize(
    ("options", "listen"),
    [
        ({}, ["ListenStream=5554", "ListenStream=6554", "BindIPv6Only=both"]),
        ({"publish_port": "554", "client_port": "554"}, ["ListenStream=554", "BindIPv6Only=both"]),
        ({"host": "192.0.2.1"}, ["ListenStream=192.0.2.1:5554", "ListenStream=192.0.2.1:6554"]),
        ({"host": "2001:db8::1"}, ["ListenStream=[2001:db8::1]:5554", "ListenStream=[2001:db8::1]:6554"]),
    ],
)
def test_the_socket_unit_listens_where_the_front_would(options: dict[str, str], listen: list[str]) -> None:
    text = generate("systemd", wanted(options))["systemd/trunkline-front.socket"]
    assert re.findall(r"^(?:Listen|BindIPv6).*$", text, re.M) == listen
    assert f"Backlog={BACKLOG}" in text


def test_a_runtime_directory_elsewhere_is_opened_for_writing() -> None:
    files = generate("systemd", wanted({"runtime_dir": "/var/lib/x/run"}))
    for name in ("front", "worker@"):
        text = files[f"systemd/trunkline-{name}.service"]
        assert "ReadWritePaths=/var/lib/x/run" in text
        assert "RuntimeDirectory" not in text


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (wanted({"publish_port": "0"}), "choose --publish-port"),
        (wanted({"runtime_dir": "/tmp/x"}), "each unit has a /tmp of its own"),
        (wanted(program="/home/me/venv/bin/trunkline"), "/home/me/venv/bin/trunkline: the units see no home"),
        (wanted(config=Path("/root/trunkline.toml")), "the units see no home"),
        (wanted(directory=Path("/home/me")), "the units see no home"),
    ],
)
def test_what_could_not_work_is_refused(made: Wanted, why: str) -> None:
    with pytest.raises(GenerateError, match=re.escape(why)):
        generate("systemd", made)


def test_the_kernel_is_asked_for_what_the_sockets_ask_for() -> None:
    values = unit("[all]\n" + generate("sysctl", wanted({"rtp_port_start": "20000"}))["sysctl.conf"])["all"]
    assert values["net.core.rmem_max"] == str(MEDIA_RECEIVE_BYTES)
    assert values["net.core.wmem_max"] == str(MEDIA_SEND_BYTES)
    assert int(values["net.core.somaxconn"]) >= BACKLOG
    assert values["net.ipv4.ip_local_reserved_ports"] == "5554,6554,20000-29999"


def test_descriptors_are_enough_for_connections_and_ports() -> None:
    limits = {"limits": {"connections": 100}}
    settings = Settings.model_validate({"workers": 2, "rtp_port_count": 2000, **limits})
    assert "LimitNOFILE=2124" in generate("systemd", Wanted(settings, {}))["systemd/trunkline-worker@.service"]


def test_the_container_runs_serve_on_as_many_workers_as_it_has_cpus() -> None:
    text = generate("container", Wanted(Settings(), {"publish_port": "554"}))["Containerfile"]
    assert 'ENTRYPOINT ["trunkline", "serve", "--publish-port", "554", "--runtime-dir", "/run/trunkline"]' in text
    assert "ENV PATH=/opt/trunkline/bin:$PATH" in text
    assert "EXPOSE 5554/tcp 6554/tcp 10000-19999/udp" in text
