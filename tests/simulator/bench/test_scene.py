import aiohttp
import pytest

from offhook.errors import CallError
from offhook.simulator.audiosocket import Address
from offhook.simulator.bench import scene as scenes
from offhook.simulator.bench.child import ServerUnderTest
from offhook.simulator.bench.cloud_server import TALKS
from offhook.simulator.bench.instant import InstantProviders
from offhook.simulator.bench.scene import Scene
from offhook.simulator.bench.talker import Line
from offhook.simulator.clouds.media_stream import CarrierCloud
from tests.simulator.clouds.media_stream.agent import Agent, answer, listen, serving

LINE = Line((bytes(320),), 0, 0)


async def dialled(agent: Agent) -> None:
    async with serving(agent), CarrierCloud("plivo") as cloud, aiohttp.ClientSession() as session:
        port = int(agent.url.rpartition(":")[2])
        server = ServerUnderTest(Address(), 0, http_port=port)
        await Scene(server, cloud, InstantProviders(), [LINE], session).dial(TALKS)


@pytest.mark.parametrize(
    ("agent", "why"),
    [
        (Agent(documents={"/plivo/answer": 503}), "/plivo/answer gave 503"),
        (Agent(listen, {"/plivo/answer": answer("plivo")}), "no greeting within 0.5 s"),
    ],
    ids=["refused", "silent"],
)
async def test_a_call_that_is_not_answered_says_why(monkeypatch: pytest.MonkeyPatch, agent: Agent, why: str) -> None:
    monkeypatch.setattr(scenes, "ANSWER_S", 0.5)
    with pytest.raises(CallError, match=f"a call was not answered: .*{why}"):
        await dialled(agent)
