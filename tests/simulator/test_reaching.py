import asyncio

import pytest
from pydantic import SecretStr

from offhook.config import KeySettings, ServerSettings, Settings, TwilioSettings
from offhook.errors import CallError, ConfigError
from offhook.simulator.audiosocket import Address
from offhook.simulator.clouds.media_stream.signing import twilio_v1
from offhook.simulator.reaching import Way, reached
from tests.simulator.clouds.media_stream.agent import Agent, serving


async def test_audiosocket_is_where_the_settings_say() -> None:
    async with reached(Way(), Settings()) as exchange:
        assert exchange == Address("127.0.0.1", 9_093)
    async with reached(Way("10.0.0.1", 7), Settings()) as exchange:
        assert exchange == Address("10.0.0.1", 7)


async def test_a_carrier_signs_with_the_servers_account_for_its_public_address() -> None:
    settings = Settings(
        server=ServerSettings(public_url="https://agent.example.com"),
        keys=KeySettings(twilio_account_sid=SecretStr("AC1"), twilio_auth_token=SecretStr("secret")),
    )
    agent = Agent(None, {"/twilio/answer": "<Response><Hangup/></Response>"})
    async with serving(agent), reached(Way(carrier="twilio", server=agent.url), settings) as exchange:
        with pytest.raises(CallError, match="Normal Hangup"):
            await exchange.dial(8_000)
    hit = agent.to("/twilio/answer")
    assert hit.params["AccountSid"] == "AC1"
    expected = twilio_v1("secret", "https://agent.example.com/twilio/answer", hit.params)
    assert hit.headers["X-Twilio-Signature"] == expected


async def test_another_answer_url() -> None:
    agent = Agent(None, {"/answer": "<Response><Hangup/></Response>"})
    async with serving(agent):
        way = Way(carrier="vobiz", server=agent.url, answer_url=f"{agent.url}/answer")
        async with reached(way, Settings()) as exchange:
            with pytest.raises(CallError):
                await exchange.dial(8_000)
    assert agent.events("/answer")[0] == "StartApp"


async def test_the_api_is_where_the_server_looks_for_it() -> None:
    probe = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = probe.sockets[0].getsockname()[1]
    probe.close()
    await probe.wait_closed()
    settings = Settings(twilio=TwilioSettings(api_url=f"http://127.0.0.1:{port}/2010-04-01"))
    async with reached(Way(carrier="twilio", server="http://127.0.0.1:9"), settings):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("way", [Way(server="http://a"), Way(answer_url="http://a/x"), Way(api_port=7)])
async def test_options_that_need_a_carrier(way: Way) -> None:
    with pytest.raises(ConfigError, match="belong to --carrier"):
        async with reached(way, Settings()):
            pass


async def test_a_server_that_is_no_address() -> None:
    with pytest.raises(ConfigError, match="is no address of a server"):
        async with reached(Way(carrier="vobiz", server="localhost:8000"), Settings()):
            pass
