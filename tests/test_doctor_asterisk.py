import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from offhook import doctor_asterisk
from offhook.checks import Check
from offhook.config import Settings
from offhook.doctor_asterisk import asterisk_checks
from offhook.simulator.clouds.asterisk_ami import AsteriskDouble, ManagerUser

Made = Callable[[AsteriskDouble], AsteriskDouble]


@contextmanager
def standing(pbx: AsteriskDouble) -> Iterator[AsteriskDouble]:
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


@pytest.fixture
def made() -> Iterator[Made]:
    with ExitStack() as stack:
        yield lambda pbx: stack.enter_context(standing(pbx))


def checks(pbx: AsteriskDouble, secret: str = ManagerUser.secret, **tree: Any) -> list[Check]:
    keys = {"ami_user": "offhook", "ami_pass": secret, "ami_port": pbx.port}
    return list(asterisk_checks(Settings.model_validate({"keys": keys, **tree})))


def agent(**transfers: str) -> dict[str, Any]:
    return {"agents": {"reception": {"transfers": transfers}}}


def test_without_a_user_nothing_is_looked_at() -> None:
    assert list(asterisk_checks(Settings())) == []


def test_a_user_without_a_secret() -> None:
    (check,) = asterisk_checks(Settings.model_validate({"keys": {"ami_user": "offhook"}}))
    assert (check.state, check.found) == ("bad", "AMI_PASS is not set")
    assert check.remedy


def test_all_is_well(made: Made) -> None:
    found = checks(made(AsteriskDouble()), asterisk={"transfer_context": "transfers"}, **agent(sales="6001"))
    assert [check.state for check in found] == ["good"] * 3
    assert "let in" in found[0].found


def test_a_user_who_is_refused(made: Made) -> None:
    (check,) = checks(made(AsteriskDouble()), "very-secret")
    assert (check.state, "is refused" in check.found, "AMI_PASS" in check.remedy) == ("bad", True, True)
    assert "very-secret" not in check.found + check.remedy


def test_nobody_there(made: Made) -> None:
    pbx = AsteriskDouble()
    with standing(pbx):
        pass
    (check,) = checks(pbx)
    assert (check.state, "manager.conf" in check.remedy) == ("bad", True)


def test_rights_that_are_missing_are_named(made: Made) -> None:
    users = {"offhook": ManagerUser(write=frozenset({"call"}))}
    found = checks(made(AsteriskDouble(users=users)))
    poor = next(check for check in found if check.state == "poor")
    assert poor.found.endswith("calls that began before us, outbound calls, recordings by Asterisk")
    assert poor.remedy == "add reporting,originate,system to its `write`"


def test_a_user_who_is_told_nothing(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_asterisk, "_TOLD_WITHIN_S", 0.05)
    users = {"offhook": ManagerUser(read=frozenset({"call"}))}
    found = checks(made(AsteriskDouble(users=users)))
    bad = next(check for check in found if check.state == "bad")
    assert "dialplan" in bad.remedy


def test_transfers_that_lead_nowhere(made: Made) -> None:
    pbx = made(AsteriskDouble())
    without = checks(pbx, **agent(sales="6001"))[-1]
    assert (without.state, without.remedy) == ("poor", "set asterisk.transfer_context")
    found = checks(pbx, asterisk={"transfer_context": "transfers"}, **agent(a="6001", b="6002", c="sip:x@y.example"))
    assert [check.found for check in found if check.state == "poor"] == [
        "there is no extension 6002 in the context transfers",
        "sip:x@y.example is no extension of a dialplan",
    ]
