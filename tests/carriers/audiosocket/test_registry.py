"""The book of a port."""

from ipaddress import ip_network

import pytest

from offhook.carriers.audiosocket.registry import Registry
from tests.carriers.audiosocket.doubles import CALL_ID

ALLOW = (ip_network("127.0.0.0/8"), ip_network("10.1.0.0/16"), ip_network("fd00::/8"), ip_network("fe80::/10"))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "::ffff:127.0.0.1", "10.1.2.3", "::ffff:10.1.2.3", "fd00::1", "fe80::1%2"]
)
def test_a_peer_of_an_allowed_network_is_admitted(host: str) -> None:
    assert Registry(ALLOW).admits(host)


@pytest.mark.parametrize("host", ["10.2.0.1", "::ffff:192.0.2.1", "::1", "2001:db8::1", "192.0.2.1"])
def test_any_other_is_not(host: str) -> None:
    assert not Registry(ALLOW).admits(host)


def test_a_call_is_claimed_once_until_it_is_released() -> None:
    registry = Registry(ALLOW)
    assert registry.claim(CALL_ID, "10.1.0.1:4000") is None
    assert registry.claim(CALL_ID, "10.1.0.2:5000") == "10.1.0.1:4000"
    assert (registry.calls, registry.counters["calls"]) == (1, 1)
    registry.release(CALL_ID)
    assert registry.claim(CALL_ID, "10.1.0.2:5000") is None
