from uuid import uuid4

import pytest

from offhook.simulator.clouds.asterisk_ari import AriDouble
from tests.simulator.clouds.test_asterisk_ari import line, media


@pytest.mark.parametrize(
    ("method", "where", "params", "status"),
    [
        ("POST", "/channels/nope/answer", {}, 404),
        ("POST", "/channels/nope/continue", {}, 404),
        ("POST", "/channels/nope/dtmf", {"dtmf": "1"}, 404),
        ("GET", "/channels/nope/variable", {"variable": "A"}, 404),
        ("DELETE", "/channels/nope", {}, 404),
        ("DELETE", "/bridges/nope", {}, 404),
        ("POST", "/bridges/nope/addChannel", {"channel": "x"}, 404),
        ("POST", "/bridges/nope/record", {"name": "x", "format": "wav"}, 404),
        ("POST", "/recordings/live/nope/stop", {}, 404),
        ("POST", "/bridges/b", {"type": "holding"}, 400),
        ("POST", "/channels/x", {"endpoint": "NOTECH", "app": "offhook"}, 400),
        ("POST", "/channels/x", {"endpoint": "SIP/6001", "app": "offhook"}, 409),
        ("POST", "/channels/externalMedia", media("127.0.0.1:1", str(uuid4())), 500),
        ("POST", "/channels/externalMedia", media("127.0.0.1:1", "no-uuid"), 500),
        ("GET", "/applications/nope", {}, 404),
    ],
)
async def test_what_asterisk_refuses(method: str, where: str, params: dict[str, str], status: int) -> None:
    async with AriDouble() as pbx, line(pbx) as there:
        found, said = await there.ask(method, where, **params)
        assert (found, bool(said["message"])) == (status, True)
        assert not pbx.channels


async def test_a_channel_that_is_in_the_dialplan_cannot_be_sent_on() -> None:
    async with AriDouble() as pbx, line(pbx) as there:
        channel = pbx.channel("PJSIP/desk", "from-trunk", "600")
        assert (await there.ask("POST", f"/channels/{channel.id}/continue"))[0] == 409


async def test_functions_of_the_dialplan() -> None:
    async with AriDouble() as pbx, line(pbx) as there:
        where = f"/channels/{pbx.channel('PJSIP/desk', 'from-trunk', '600').id}/variable"
        exists = [
            (await there.ask("GET", where, variable=f"DIALPLAN_EXISTS(transfers,{each},1)"))[1]
            for each in ("6001", "6009")
        ]
        assert exists == [{"value": "1"}, {"value": "0"}]
        assert (await there.ask("GET", where, variable="NOPE(x)"))[0] == 500


async def test_what_the_doctor_asks() -> None:
    async with AriDouble() as pbx, line(pbx) as there:
        assert (await there.ask("GET", "/asterisk/info"))[1]["system"]["version"] == "22.10.1"
        assert {"name": "app_stasis"} in (await there.ask("GET", "/asterisk/modules"))[1]
