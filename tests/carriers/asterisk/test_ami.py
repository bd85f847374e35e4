import asyncio

import pytest

from offhook.carriers.asterisk.ami import Ami, ami_account
from offhook.carriers.asterisk.ami_session import AmiTiming
from offhook.config import Settings
from offhook.errors import CarrierError, ConfigError
from offhook.simulator.clouds.asterisk_ami import AsteriskDouble
from tests.carriers.asterisk.doubles import PATIENCE_S, account, managed, until_connected, until_gone


def settings(**keys: object) -> Settings:
    return Settings.model_validate({"keys": keys})


class TestAccount:
    def test_none_without_a_user(self) -> None:
        assert ami_account(Settings()) is None

    def test_the_user_of_the_settings(self) -> None:
        found = ami_account(settings(ami_user="offhook", ami_pass="s3cret", ami_host="10.0.0.7", ami_port=5039))
        assert found is not None
        assert (str(found), found.user, found.secret) == ("10.0.0.7:5039", "offhook", "s3cret")

    def test_a_user_without_a_secret(self) -> None:
        with pytest.raises(ConfigError, match="AMI_PASS is not set"):
            ami_account(settings(ami_user="offhook"))

    @pytest.mark.parametrize("keys", [{"ami_user": "a\nb", "ami_pass": "x"}, {"ami_user": "a", "ami_pass": "x\r\ny"}])
    def test_a_line_break(self, keys: dict[str, str]) -> None:
        with pytest.raises(ConfigError, match="line break"):
            ami_account(settings(**keys))


async def test_actions_and_events() -> None:
    async with AsteriskDouble() as pbx, managed(pbx) as ami:
        heard: list[str] = []
        stop = ami.subscribe(("VarSet",), lambda event: heard.append(event.get("Value")))
        ami.subscribe(("Hangup",), lambda event: heard.append("hangup"))
        await ami.action("Setvar", Variable="A", Value="1")
        stop()
        stop()
        await ami.action("Setvar", Variable="A", Value="2")
        assert heard == ["1"]
        assert await ami.list_of("CoreShowChannels") == ()


async def test_a_fault_over_an_event_does_not_end_the_connection() -> None:
    async with AsteriskDouble() as pbx, managed(pbx) as ami:
        heard: list[str] = []

        def fail(event: object) -> None:
            raise ZeroDivisionError

        ami.subscribe(("VarSet",), fail)
        ami.subscribe(("VarSet",), lambda event: heard.append(event.get("Value")))
        await ami.action("Setvar", Variable="A", Value="1")
        assert heard == ["1"]
        assert (await ami.action("Ping")).get("Ping") == "Pong"


async def test_it_comes_back_after_whatever_ended_it() -> None:
    async with AsteriskDouble() as pbx, managed(pbx) as ami:
        heard: list[str] = []
        ami.subscribe(("VarSet",), lambda event: heard.append(event.get("Value")))
        for end in (pbx.disconnect, lambda: pbx.babble(b"\xff\r\n")):
            before = pbx.connections
            end()
            async with asyncio.timeout(PATIENCE_S):
                while pbx.connections == before:  # noqa: ASYNC110 - the double has no event for that
                    await asyncio.sleep(0.005)
            await until_connected(ami)
            await ami.action("Setvar", Variable="A", Value="back")
        assert heard == ["back", "back"]


async def test_without_a_connection_it_is_told_what_to_do() -> None:
    async with AsteriskDouble() as pbx, managed(pbx) as ami:
        await pbx.stop()
        await until_gone(ami)
        with pytest.raises(CarrierError, match="no manager interface now") as caught:
            await ami.action("Ping")
        assert "offhook doctor" in caught.value.hint
        assert not caught.value.unknown
        await pbx.start()
        await until_connected(ami)
        assert (await ami.action("Ping")).get("Ping") == "Pong"


class Pauses:
    """Notes the pauses, and ends after some."""

    def __init__(self, most: int) -> None:
        self.seconds: list[float] = []
        self.most = most
        self.enough = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if len(self.seconds) >= self.most:
            self.enough.set()
            await asyncio.Event().wait()


async def pauses(ami: Ami, noted: Pauses) -> list[float]:
    running = asyncio.create_task(ami.run())
    await asyncio.wait_for(noted.enough.wait(), PATIENCE_S)
    running.cancel()
    await asyncio.wait([running])
    return noted.seconds


TIMING = AmiTiming(first_pause_s=0.5, longest_pause_s=3, refused_pause_s=60)


async def test_pauses_grow_while_nobody_is_there() -> None:
    noted = Pauses(5)
    async with AsteriskDouble() as pbx:
        nobody = account(pbx)
    ami = Ami(nobody, TIMING, sleep=noted.sleep, jitter=lambda: 0.0)
    assert await pauses(ami, noted) == [0.5, 1.0, 2.0, 3.0, 3.0]


async def test_pauses_differ_by_up_to_a_half() -> None:
    noted = Pauses(2)
    async with AsteriskDouble() as pbx:
        nobody = account(pbx)
    ami = Ami(nobody, TIMING, sleep=noted.sleep, jitter=lambda: 1.0)
    assert await pauses(ami, noted) == [0.25, 0.5]


async def test_a_refused_user_is_not_tried_again_soon() -> None:
    noted = Pauses(2)
    async with AsteriskDouble() as pbx:
        ami = Ami(account(pbx, "wrong"), TIMING, sleep=noted.sleep, jitter=lambda: 0.0)
        assert await pauses(ami, noted) == [60, 60]
        with pytest.raises(CarrierError, match="is refused"):
            await ami.action("Ping")


async def test_actions_share_one_connection() -> None:
    async with AsteriskDouble() as pbx, managed(pbx) as ami:
        await asyncio.gather(*(ami.action("Ping") for _ in range(50)))
        assert pbx.connections == 1
