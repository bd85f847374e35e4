import json
import socket
import sys
import threading
import types
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from offhook import cli, doctor
from offhook.config import Settings
from offhook.config_files import Loaded, read_settings
from offhook.doctor import Check, examine, port_owner
from offhook.errors import FlowError

AGENT = {"engine": "loopback"}


def checks(tmp_path: Path, notes: tuple[str, ...] = (), **settings: object) -> list[Check]:
    """Checks of settings that use free ports and a folder of their own."""
    tree = {
        "server": {"http_port": 0, "data_dir": tmp_path / "var"},
        "audiosocket": {"port": 0},
        "models": {"dir": tmp_path / "models"},
        "agents": {"reception": AGENT},
        **settings,
    }
    return list(examine(Loaded(Settings.model_validate(tree), (), notes)))


def bad(found: list[Check], name: str) -> list[Check]:
    return [check for check in found if check.name == name and check.state == "bad"]


def test_a_line_test_needs_next_to_nothing(tmp_path: Path) -> None:
    found = checks(tmp_path)
    assert {check.state for check in found} == {"good"}
    assert not (tmp_path / "var").exists()


def test_every_failing_check_has_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = checks(
        tmp_path,
        ("OPENAI_API_KEY still has its example value",),
        server={"http_host": "203.0.113.1", "http_port": 1, "data_dir": tmp_path / "file" / "var"},
        agents={"a": {"timezone": "Mars/Base"}},
    )
    failing = [check for check in found if check.state != "good"]
    assert {"settings", "timezone", "model", "port", "data"} <= {check.name for check in failing}
    assert all(check.remedy for check in failing)


def test_a_taken_port_names_its_owner(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = checks(tmp_path, server={"http_port": port, "data_dir": tmp_path})
    (check,) = bad(found, "port")
    assert f"127.0.0.1:{port}: taken by " in check.found or "in use" in check.found
    assert "server.http_port" in check.remedy


def test_the_owner_of_a_port_is_read_from_the_kernels_tables(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    row = "   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 777 1\n"
    (tmp_path / "net" / "tcp").write_text(head + row)
    files = tmp_path / "42" / "fd"
    files.mkdir(parents=True)
    (files / "3").symlink_to("socket:[777]")
    (tmp_path / "42" / "comm").write_text("asterisk\n")
    assert port_owner(8000, tmp_path) == "asterisk (process 42)"
    assert port_owner(8001, tmp_path) == ""


def test_a_missing_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    (check,) = bad(checks(tmp_path, agents={"a": {}}), "runtime")
    assert "offhook[local]" in check.remedy


def test_little_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: types.SimpleNamespace(free=5_000_000))  # type: ignore[attr-defined]
    (check,) = [check for check in checks(tmp_path) if check.name == "data"]
    assert check.state == "poor"


def test_a_broken_flow_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load_flow(path: Path | None, *, tools: list[str]) -> None:
        raise FlowError("there is no state", file=path, line=3, hint="write one")

    flow = types.ModuleType("offhook.providers.llm.flow")
    vars(flow).update(load_flow=load_flow, load_facts=lambda _: None)
    monkeypatch.setitem(sys.modules, "offhook.providers.llm.flow", flow)
    (check,) = bad(checks(tmp_path, agents={"a": {"flow": tmp_path / "f.toml"}}), "agent")
    assert check.found == f"{tmp_path / 'f.toml'}:3: there is no state"
    assert check.remedy == "write one"


class Vendor(BaseHTTPRequestHandler):
    """A language model's server that knows one key."""

    status = 200

    def do_GET(self) -> None:
        known = self.path == "/v1/models" and self.headers["Authorization"] == "Bearer right-key"
        self.send_response(self.status if known else 401)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@pytest.fixture
def vendor() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Vendor)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def llm(tmp_path: Path, base_url: str, key: str | None) -> Check:
    table = {"base_url": base_url, "model": "m", "api_key": key}
    found = checks(tmp_path, agents={"a": {"llm": ["ours"]}}, llm={"ours": {"kind": "openai", **table}})
    return next(check for check in found if check.name in ("llm", "key"))


def test_a_language_model_that_answers(tmp_path: Path, vendor: str) -> None:
    assert llm(tmp_path, vendor, "right-key").state == "good"


def test_a_refused_key_is_not_shown(tmp_path: Path, vendor: str) -> None:
    check = llm(tmp_path, vendor, "wrong-key")
    assert check.found == "ours: the key OPENAI_API_KEY is refused (401)"
    assert "wrong-key" not in check.found + check.remedy


def test_a_language_model_that_fails(tmp_path: Path, vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Vendor, "status", 503)
    assert "HTTP 503" in llm(tmp_path, vendor, "right-key").found


def test_a_language_model_that_is_not_there(tmp_path: Path) -> None:
    assert "no connection" in llm(tmp_path, "http://127.0.0.1:1/v1", None).found


def test_a_vendor_needs_a_key(tmp_path: Path) -> None:
    check = llm(tmp_path, "https://api.example.com/v1", None)
    assert (check.name, check.found) == ("key", "ours: OPENAI_API_KEY is not set")


@pytest.mark.parametrize(("toml", "status"), [("[server]\nhttp_port = 0\n[audiosocket]\nport = 0\n", 1), ("= 1", 1)])
def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], toml: str, status: int
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OFFHOOK_MODELS__DIR", str(tmp_path / "models"))
    (tmp_path / "offhook.toml").write_text(toml)
    for args in (["--json"], []):
        monkeypatch.setattr(sys, "argv", ["offhook", "doctor", *args])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == status
        out = capsys.readouterr().out
        if args:
            assert {"name", "state", "found", "remedy"} == set(json.loads(out)[0])
        else:
            assert "✗ " in out
            assert "\x1b" not in out


def test_a_flow_may_call_the_tools_of_the_example() -> None:
    loaded = read_settings(Path(__file__).parent.parent / "examples" / "home-services" / "offhook.toml", environ={})
    found = [check for check in examine(loaded) if check.name == "agent"]
    assert [check.state for check in found] == ["good", "good"], found


def test_a_language_that_an_agent_cannot_talk(tmp_path: Path) -> None:
    agents = {"a": {"llm": ["openai"], "languages": {"es": {}}}}
    [check] = bad(checks(tmp_path, agents=agents), "language")
    assert check.found == "agents.a.languages.es.tts: the voice hibari speaks English only"
    assert check.remedy
