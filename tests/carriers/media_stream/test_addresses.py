import pytest

from offhook.carriers.media_stream.addresses import Addresses

PUBLIC = "https://agent.example.com"
FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "agent.example.com"}


def test_the_public_address_of_the_settings_counts_whatever_a_request_says() -> None:
    addresses = Addresses(PUBLIC + "/")
    assert addresses.base("http", "127.0.0.1:8000", FORWARDED, "127.0.0.1") == PUBLIC


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_a_proxy_on_this_machine_is_believed(peer: str) -> None:
    assert Addresses().base("http", "127.0.0.1:8000", FORWARDED, peer) == PUBLIC


@pytest.mark.parametrize("peer", ["192.0.2.7", "not an address", None])
def test_nobody_else_is_believed_to_be_a_proxy(peer: str | None) -> None:
    assert Addresses().base("http", "10.0.0.5:8000", FORWARDED, peer) == "http://10.0.0.5:8000"


def test_the_first_of_several_proxies_tells_the_address() -> None:
    headers = {"X-Forwarded-Proto": "https, http", "X-Forwarded-Host": "agent.example.com, 10.0.0.1"}
    assert Addresses().base("http", "x", headers, "::1") == PUBLIC


@pytest.mark.parametrize("host", ["", "a b", 'x"><y', "[::1", "a/b", "user@host", "a:b", "x" * 300, "a:123456"])
def test_a_host_that_is_none_is_passed_over(host: str) -> None:
    assert Addresses().base("http", host, {}, "192.0.2.7") == "http://localhost"


def test_other_schemes_are_not_passed_on() -> None:
    assert Addresses().base("http", "a.example", {"X-Forwarded-Proto": "gopher"}, "::1") == "http://a.example"


def test_addresses_of_hooks_and_sockets() -> None:
    addresses = Addresses(PUBLIC)
    assert addresses.hook("vobiz", "answer") == f"{PUBLIC}/vobiz/answer"
    assert addresses.hook("plivo", "hangup", "d1") == f"{PUBLIC}/plivo/hangup/d1"
    assert addresses.socket("twilio", "t1") == "wss://agent.example.com/twilio/ws/t1"
    assert addresses.socket("vobiz", "t1", base="http://[::1]:8000") == "ws://[::1]:8000/vobiz/ws/t1"
    assert addresses.hook("vobiz", "answer", base="http://localhost") == "http://localhost/vobiz/answer"


def test_the_secret_is_in_the_addresses_of_hooks_and_not_in_those_of_sockets() -> None:
    addresses = Addresses(PUBLIC + "/phone", "s3cret")
    assert addresses.hook("vobiz", "answer") == f"{PUBLIC}/phone/k/s3cret/vobiz/answer"
    assert addresses.socket("vobiz", "t1") == "wss://agent.example.com/phone/vobiz/ws/t1"
    assert addresses.reachable == f"{PUBLIC}/phone/k/s3cret"


def test_nobody_can_be_told_an_address_that_is_not_known() -> None:
    assert Addresses("", "s3cret").reachable == ""
