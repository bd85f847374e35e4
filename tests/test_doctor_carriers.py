import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from offhook.checks import Check
from offhook.config import Settings
from offhook.doctor_carriers import carrier_checks
from tests.carriers.media_stream.carrier_fake import CarrierFake

KEYS = {"vobiz_auth_id": "MA_1", "vobiz_auth_token": "very-secret", "from_number": "+15550199"}


@pytest.fixture
def carrier() -> Iterator[tuple[CarrierFake, str]]:
    """A carrier that listens in a thread of its own, since the doctor is no coroutine."""
    fake, loop = CarrierFake(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    serving = fake.serve()
    url = asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result(10)
    yield fake, f"{url}/api/v1"
    asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def checks(url: str = "http://127.0.0.1:1", keys: dict[str, str] = KEYS, **tree: Any) -> list[Check]:
    vobiz = {"api_url": url, **tree.pop("vobiz", {})}
    return list(carrier_checks(Settings.model_validate({"keys": keys, "vobiz": vobiz, **tree})))


def test_without_an_account_nothing_is_looked_at() -> None:
    assert checks(keys={}) == []


def test_all_is_well(carrier: tuple[CarrierFake, str]) -> None:
    found = checks(carrier[1], server={"public_url": "https://x.example"})
    assert [(check.name, check.state, check.found) for check in found] == [
        ("carrier", "good", "vobiz: the account is let in"),
        ("carrier", "good", "vobiz: outbound calls show +15550199"),
        ("public", "good", "https://x.example"),
    ]


@pytest.mark.parametrize(("status", "state"), [(401, "bad"), (503, "poor")])
def test_an_account_that_is_not_let_in(carrier: tuple[CarrierFake, str], status: int, state: str) -> None:
    carrier[0].answers.extend([(status, {"error": "very-secret is wrong"})] * 2)
    check = checks(carrier[1])[0]
    assert (check.state, str(status) in check.found) == (state, True)
    assert check.remedy
    assert "very-secret" not in check.found + check.remedy


def test_a_carrier_that_cannot_be_reached() -> None:
    check = checks()[0]
    assert (check.state, "cannot be reached" in check.found) == ("poor", True)
    assert "api_url" in check.remedy


def test_half_an_account() -> None:
    [check] = checks(keys={"vobiz_auth_id": "MA_1"})
    assert (check.state, check.found) == ("bad", "vobiz: VOBIZ_AUTH_TOKEN is not set")


@pytest.mark.parametrize(
    ("url", "state", "said"),
    [("", "poor", "do not know how to reach"), ("http://x.example", "poor", "not https"), ("https://x", "good", "")],
)
def test_the_address_from_outside(url: str, state: str, said: str) -> None:
    check = checks(server={"public_url": url})[-1]
    assert (check.name, check.state) == ("public", state)
    assert said in check.found


@pytest.mark.parametrize(("number", "state"), [("", "poor"), ("call me", "bad")])
def test_the_number_that_is_shown(number: str, state: str) -> None:
    keys = {name: key for name, key in KEYS.items() if name != "from_number"}
    check = checks(keys=keys, vobiz={"from_number": number})[1]
    assert (check.state, bool(check.remedy)) == (state, True)
