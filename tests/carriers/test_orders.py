"""What wishes and settings make of a call to the outside. Whole orders are in `test_outbound`."""

from typing import Any

import pytest

from offhook.carriers.orders import Orders
from offhook.config import DialCarrier, Settings
from offhook.errors import CallError, ConfigError


def orders(*carriers: DialCarrier, **settings: Any) -> Orders:
    tree = {"keys": {"from_number": "+15550199"}, "agents": {"reception": {}, "sales": {}}, **settings}
    return Orders(Settings.model_validate(tree), carriers, lambda: "https://x.example")


def test_the_agent_wished_for_or_the_first() -> None:
    assert (orders().agent(""), orders().agent("sales")) == ("reception", "sales")
    with pytest.raises(CallError, match='no agent "nobody"; there are: reception, sales'):
        orders().agent("nobody")


def test_the_number_to_show() -> None:
    ours = orders(vobiz={"from_number": "+1 555 0111"})
    assert ours.from_number("vobiz", "+15550122") == "+15550122"
    assert (ours.from_number("vobiz", ""), ours.from_number("plivo", "")) == ("+15550111", "+15550199")
    with pytest.raises(CallError, match="no telephone number"):
        ours.from_number("vobiz", "the boss")
    with pytest.raises(ConfigError, match=r"plivo\.from_number \(FROM_NUMBER\)"):
        orders(keys={}).from_number("plivo", "")


def test_the_only_account_need_not_be_named() -> None:
    assert orders("plivo").carrier(None) == "plivo"
    assert orders("plivo", "vobiz").carrier("vobiz") == "vobiz"
    with pytest.raises(CallError, match="say which one: plivo or vobiz"):
        orders("plivo", "vobiz").carrier(None)


def test_a_missing_account_is_told_with_its_keys() -> None:
    with pytest.raises(ConfigError, match="no account at twilio") as caught:
        orders("plivo").carrier("twilio")
    assert caught.value.hint == "Put TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN into .env; see .env.example."
    with pytest.raises(ConfigError, match="no account at vobiz or plivo or twilio"):
        orders().carrier(None)


def test_a_call_may_last_a_minute_longer_than_its_agent_lets_it() -> None:
    ours = orders(agents={"reception": {"silence": {"max_duration_s": 100}}})
    assert ours.longest_s("reception") == 160


def test_an_asterisk_may_show_the_number_of_its_trunk() -> None:
    assert orders(keys={}).from_number("asterisk", "") == ""
    assert orders(asterisk={"from_number": "+1 555 0111"}).from_number("asterisk", "") == "+15550111"
    with pytest.raises(CallError, match="no extension"):
        orders().from_number("asterisk", "Ann <600>")


def test_who_tells_machines_from_people() -> None:
    assert (orders().judge("vobiz", "carrier"), orders().judge("asterisk", "own")) == ("carrier", "own")
    with pytest.raises(CallError, match="machine_detection"):
        orders().judge("asterisk", "carrier")


def test_an_asterisk_without_a_manager() -> None:
    with pytest.raises(ConfigError, match="no user of Asterisk"):
        orders("vobiz").carrier("asterisk")
