import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import ClientSession, web

from offhook.simulator.clouds.openai import bad_request, json_answer
from offhook.simulator.clouds.openai_part import PostedPart
from offhook.simulator.clouds.serving import Cut, Fault, Refuse, Stall

WITHIN_S = 30


class Echo(PostedPart):
    """Gives back what was posted, unless it is empty."""

    def __init__(self, fault: Fault | None = None) -> None:
        super().__init__("/v1/echo", api_key="k-1")
        self.asked = asyncio.Event()
        self.fault = fault

    def _invalid(self, body: Mapping[str, Any]) -> Refuse | None:
        return None if body else bad_request("Nothing to give back.", "body")

    async def _answer(self, request: web.Request, body: Mapping[str, Any], number: int) -> web.StreamResponse:
        self.asked.set()
        return await self._failed(self.fault, number) or json_answer(body, number)


async def post(part: Echo, text: str, key: str = "k-1") -> tuple[int, dict[str, Any], str]:
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        part.serve() as url,
        ClientSession() as session,
        session.post(f"{url}/echo", data=text, headers=headers) as answer,
    ):
        return answer.status, await answer.json(), answer.headers["x-request-id"]


async def test_what_is_sound_is_answered() -> None:
    part = Echo()
    assert await post(part, '{"a":1}') == (200, {"a": 1}, "req_1")
    assert (len(part.connections), part.abandoned) == (1, 0)
    assert await post(part, '{"a":2}') == (200, {"a": 2}, "req_2")


@pytest.mark.parametrize(
    ("text", "key", "status", "code"),
    [
        ('{"a":1}', "k-2", 401, "invalid_api_key"),
        ("{}", "k-2", 401, "invalid_api_key"),
        ("{}", "k-1", 400, "invalid_request"),
        ("{nonsense", "k-1", 400, "invalid_request"),
        ("[1]", "k-1", 400, "invalid_request"),
    ],
)
async def test_what_is_not_is_refused(text: str, key: str, status: int, code: str) -> None:
    part = Echo()
    told, body, _ = await post(part, text, key)
    assert (told, body["error"]["code"], part.asked.is_set()) == (status, code, False)


async def test_it_refuses_on_demand_and_leaves_other_faults_to_who_writes_the_answer() -> None:
    assert (await post(Echo(Refuse(503)), '{"a":1}'))[0] == 503
    assert (await post(Echo(Cut(3)), '{"a":1}'))[0] == 200
    assert (await post(Echo(Stall(2)), '{"a":1}'))[0] == 200


async def test_a_client_that_does_not_wait_is_counted() -> None:
    part = Echo(Stall(0))
    asking = asyncio.create_task(post(part, '{"a":1}'))
    await asyncio.wait_for(part.asked.wait(), WITHIN_S)
    asking.cancel()
    await asyncio.wait({asking}, timeout=WITHIN_S)
    assert part.abandoned == 1
