import sys
import types
from pathlib import Path
from typing import Any

import pytest
from pyngrok import ngrok
from pyngrok.exception import PyngrokNgrokError, PyngrokNgrokInstallError

from offhook.config import Settings
from offhook.errors import ConfigError
from offhook.server.tunnel import tunnel_to

TOKEN = "2abc-ngrok-token"
SETTINGS = Settings.model_validate({"keys": {"ngrok_auth_token": TOKEN}})


class Ngrok:
    """What the library's functions were asked for; `fails` is what connecting raises."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.tokens: list[str] = []
        self.fails: Exception | None = None
        self.kill_fails = False

    def connect(self, address: str, kind: str, *, pyngrok_config: Any) -> Any:
        self.asked.append(("connect", address, kind))
        self.tokens.append(pyngrok_config.auth_token)
        if self.fails is not None:
            raise self.fails
        return types.SimpleNamespace(public_url="https://1234.ngrok-free.example")

    def kill(self, pyngrok_config: Any) -> None:
        self.asked.append(("kill",))
        if self.kill_fails:
            raise RuntimeError("a bug of the library")


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Ngrok:
    double = Ngrok()
    monkeypatch.setattr(ngrok, "connect", double.connect)
    monkeypatch.setattr(ngrok, "kill", double.kill)
    return double


@pytest.mark.parametrize(
    ("host", "address"), [("127.0.0.1", "127.0.0.1:8000"), ("0.0.0.0", "127.0.0.1:8000"), ("10.0.0.5", "10.0.0.5:8000")]
)
async def test_a_tunnel_is_open_for_a_while(cloud: Ngrok, host: str, address: str) -> None:
    async with tunnel_to(host, 8_000, SETTINGS) as url:
        assert url == "https://1234.ngrok-free.example"
        assert cloud.asked == [("connect", address, "http")]
    assert cloud.asked[1:] == [("kill",)]
    assert cloud.tokens == [TOKEN]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            PyngrokNgrokError(
                "The ngrok process errored on start.",
                [],
                f"authentication failed: The authtoken you specified is wrong.\nYour authtoken: {TOKEN}\nERR_NGROK_107",
            ),
            "authentication failed: The authtoken you specified is wrong.",
        ),
        (PyngrokNgrokError(f"bad {TOKEN}"), "bad ***"),
        (PyngrokNgrokInstallError("An error occurred while downloading ngrok"), "while downloading ngrok"),
        (ConnectionRefusedError(), "ConnectionRefusedError"),
    ],
)
async def test_what_ngrok_refuses_is_told_without_the_token(cloud: Ngrok, fault: Exception, said: str) -> None:
    cloud.fails = fault
    with pytest.raises(ConfigError) as caught:
        async with tunnel_to("127.0.0.1", 8_000, SETTINGS):
            raise AssertionError
    assert said in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert "NGROK_AUTH_TOKEN" in caught.value.hint
    assert cloud.asked[-1] == ("kill",)


async def test_a_tunnel_that_cannot_be_closed_holds_nothing_up(cloud: Ngrok) -> None:
    cloud.kill_fails = True
    async with tunnel_to("127.0.0.1", 8_000, SETTINGS):
        pass
    assert cloud.asked[-1] == ("kill",)


async def test_without_an_account(cloud: Ngrok) -> None:
    with pytest.raises(ConfigError, match="NGROK_AUTH_TOKEN"):
        async with tunnel_to("127.0.0.1", 8_000, Settings()):
            raise AssertionError
    assert cloud.asked == []


@pytest.mark.parametrize("missing", ["pyngrok.exception", "pyngrok.ngrok"])
async def test_without_the_package(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigError, match=r"offhook\[tunnel\]"):
        async with tunnel_to("127.0.0.1", 8_000, SETTINGS):
            raise AssertionError


async def test_the_real_library_without_its_program_fails_clearly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYNGROK_NGROK_PATH", str(tmp_path / "ngrok"))
    (tmp_path / "ngrok").write_text('#!/bin/sh\necho \'lvl=eror msg="no such flag" err="no such flag"\'\nexit 1\n')
    (tmp_path / "ngrok").chmod(0o755)
    monkeypatch.setattr("pyngrok.conf.DEFAULT_CONFIG_PATH", str(tmp_path / "ngrok.yml"))
    with pytest.raises(ConfigError, match="the tunnel could not be opened"):
        async with tunnel_to("127.0.0.1", 8_000, SETTINGS):
            raise AssertionError
