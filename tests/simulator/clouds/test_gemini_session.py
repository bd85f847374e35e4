from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, WSMsgType

from offhook.simulator.clouds.ears import Saying, scripted_ears
from offhook.simulator.clouds.gemini_live import GeminiDouble
from offhook.simulator.clouds.openai_chat import ChatReply

PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
SETUP: dict[str, Any] = {"model": "models/gemini-3.8-live"}


@pytest.mark.parametrize(
    ("setup", "message"),
    [
        ({}, "nonsense"),
        ({}, {}),
        ({}, {"setup": SETUP}),
        ({}, {"clientContent": {}, "realtimeInput": {}}),
        ({}, {"realtimeInput": []}),
        ({}, {"realtimeInput": {}}),
        ({}, {"realtimeInput": {"mediaChunks": []}}),
        ({}, {"realtimeInput": {"activityStart": {}}}),
        ({}, {"realtimeInput": {"audio": {"mimeType": "audio/pcm;rate=8000", "data": ""}}}),
        ({}, {"realtimeInput": {"audio": {"mimeType": "audio/pcm;rate=16000", "data": "?"}}}),
        ({}, {"toolResponse": {"functionResponses": [{"id": "nobody", "response": {}}]}}),
        ({"historyConfig": {"initialHistoryInClientContent": True}}, {"realtimeInput": {"text": "Too early."}}),
        ({"model": "models/gemini-3.1-flash-live-preview"}, {"contextUpdate": {}}),
    ],
)
async def test_what_is_wrong_closes_the_connection(setup: dict[str, Any], message: object) -> None:
    cloud = GeminiDouble(scripted_ears(Saying("Hello.", 500, 900)), brain=lambda request: ChatReply("Yes."))
    async with cloud.serve() as url, ClientSession() as client, client.ws_connect(url + PATH) as socket:
        await socket.send_bytes(orjson.dumps({"setup": SETUP | setup}))
        greeting = await socket.receive()
        assert (greeting.type, greeting.data) == (WSMsgType.BINARY, b'{"setupComplete":{}}')
        await socket.send_str(message if isinstance(message, str) else orjson.dumps(message).decode())
        end = await socket.receive(timeout=10)
    assert (end.type, end.data) == (WSMsgType.CLOSE, 1007)
