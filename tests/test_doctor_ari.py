import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from offhook.checks import Check
from offhook.config import Settings
from offhook.doctor_ari import ari_checks
from offhook.simulator.clouds.asterisk_ari import AriDouble


@contextmanager
def standing(pbx: AriDouble) -> Iterator[AriDouble]:
    """A double that stands in a thread of its own, since the doctor is no coroutine."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(pbx.start(), loop).result(10)
    try:
        yield pbx
    finally:
        asyncio.run_coroutine_threadsafe(pbx.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def checks(url: str, **keys: Any) -> list[Check]:
    return list(ari_checks(Settings.model_validate({"keys": keys, "asterisk": {"ari": {"url": url}}})))


def test_without_a_user_nothing_is_looked_at() -> None:
    assert list(ari_checks(Settings())) == []


def test_a_user_without_a_password() -> None:
    (check,) = checks("http://127.0.0.1:1", ari_user="offhook")
    assert (check.state, check.found) == ("bad", "ARI_PASS is not set")


def test_all_is_well() -> None:
    with standing(AriDouble()) as pbx:
        found = checks(pbx.url, ari_user="offhook", ari_pass=pbx.users["offhook"])
    assert [check.state for check in found] == ["good", "good"]


def test_a_user_who_is_refused() -> None:
    with standing(AriDouble()) as pbx:
        (check,) = checks(pbx.url, ari_user="offhook", ari_pass="very-wrong")
    assert (check.state, "ARI_PASS" in check.remedy) == ("bad", True)
    assert "very-wrong" not in check.found + check.remedy


def test_nobody_there() -> None:
    with standing(AriDouble()) as pbx:
        url = pbx.url
    (check,) = checks(url, ari_user="offhook", ari_pass="x")
    assert (check.state, "http.conf" in check.remedy) == ("bad", True)


@pytest.mark.parametrize(("module", "state"), [("chan_audiosocket", "bad"), ("chan_bridge_media", "poor")])
def test_modules_that_are_missing(module: str, state: str) -> None:
    pbx = AriDouble()
    pbx.modules = tuple(name for name in pbx.modules if name != module)
    with standing(pbx):
        found = checks(pbx.url, ari_user="offhook", ari_pass=pbx.users["offhook"])
    assert (found[1].state, module in found[1].remedy) == (state, True)


@pytest.mark.parametrize("url", ["http://8.8.4.4:1", "http://pbx.example.com:1"])
def test_a_password_that_anybody_can_read(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(account: object) -> list[Check]:
        return []

    monkeypatch.setattr("offhook.doctor_ari._ask", nothing)
    (check,) = checks(url, ari_user="offhook", ari_pass="x")
    assert (check.state, "https" in check.remedy) == ("poor", True)


@pytest.mark.parametrize("url", ["https://pbx.example.com", "http://10.0.0.7:8088", "http://pbx:8088"])
def test_a_password_that_nobody_can_read(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(account: object) -> list[Check]:
        return []

    monkeypatch.setattr("offhook.doctor_ari._ask", nothing)
    assert checks(url, ari_user="offhook", ari_pass="x") == []
