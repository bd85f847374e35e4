import asyncio
from dataclasses import replace
from typing import Any

import orjson
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from offhook.calls.tools.base import ToolContext
from offhook.errors import ToolError
from offhook.toolkits.http_client import HttpClient
from offhook.toolkits.http_tool import HttpTool
from tests.toolkits.conftest import Handler, http_settings, serving

TOKEN = "very-secret-token"
PHONE = {"phone": {"type": "string", "description": "in full", "required": True}}
SORRY = "The customer data cannot be seen at the moment. Offer to take a message."


class Server:
    """A customer's server: gives its `answers` in turn, the last one for ever, and keeps what it was asked."""

    def __init__(self, *answers: web.Response | Handler):
        self.answers = list(answers)
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.raw_path, dict(request.headers), await request.read()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, web.Response):
            return web.Response(body=answer.body, status=answer.status, headers={"Content-Type": answer.content_type})
        return await answer(request)


def says(value: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")


async def hangs(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    raise AssertionError("nobody waits that long")


async def drops(request: web.Request) -> web.StreamResponse:
    assert request.transport
    request.transport.abort()
    return web.Response()


class Pauses:
    """Time that passes at once."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, pause_s: float) -> None:
        self.taken.append(pause_s)


async def used(
    server: Server,
    context: ToolContext,
    arguments: dict[str, Any] | None = None,
    pauses: Pauses | None = None,
    **more: Any,
) -> Any:
    client = HttpClient()
    async with serving(server.answer) as url:
        settings = http_settings(
            **{
                "url": url + "/customers/{phone}",
                "parameters": PHONE,
                "headers": {"Authorization": "Bearer {env.TOKEN}"},
                "secrets": {"TOKEN": TOKEN},
                "on_failure": SORRY,
                **more,
            }
        )
        tool = HttpTool("customer", settings, client, sleep=pauses or Pauses())
        try:
            return await tool({"phone": "+1"} if arguments is None else arguments, context)
        finally:
            await client.close()


async def test_a_customer_is_looked_up(context: ToolContext) -> None:
    server = Server(says({"data": {"name": "Ann", "token": f"x{TOKEN}"}}))
    assert await used(server, context, result="/data") == {"name": "Ann", "token": "x[secret]"}
    [(method, path, headers, body)] = server.asked
    assert (method, path, headers["Authorization"], body) == ("GET", "/customers/%2B1", f"Bearer {TOKEN}", b"")
    assert "Idempotency-Key" not in headers
    assert "Content-Type" not in headers


async def test_an_order_is_sent_once_with_a_key_of_its_own(context: ToolContext) -> None:
    server = Server(says({"id": 7}))
    await used(server, context, method="POST", body={"phone": "{phone}"})
    [(method, _, headers, body)] = server.asked
    assert (method, headers["Idempotency-Key"], headers["Content-Type"]) == (
        "POST",
        "call-1-tool-9",
        "application/json",
    )
    assert body == b'{"phone":"+1"}'


async def test_a_key_of_the_settings_is_kept(context: ToolContext) -> None:
    server = Server(says({}))
    headers = {"idempotency-key": "{call.id}", "content-type": "application/vnd.shop+json"}
    await used(server, context, method="PATCH", body={"a": 1}, headers=headers)
    sent = {name.lower(): value for name, value in server.asked[0][2].items()}
    assert (sent["idempotency-key"], sent["content-type"]) == ("call-1", "application/vnd.shop+json")


@pytest.mark.parametrize("odd", ["a\r\nX-Admin: 1", "ä", ""])
async def test_no_name_of_a_tool_call_makes_a_header(context: ToolContext, odd: str) -> None:
    server = Server(says({}))
    await used(server, replace(context, tool_call_id=odd), method="POST")
    sent = server.asked[0][2]
    assert sent["Idempotency-Key"].startswith("call-1-")
    assert len(sent["Idempotency-Key"]) > len("call-1-")
    assert "X-Admin" not in sent


def test_what_the_model_sees() -> None:
    settings = http_settings(parameters=PHONE, timeout_s=4, filler="Let me look.", on_barge_in="cancel")
    tool = HttpTool("customer", settings, HttpClient())
    assert (tool.spec.name, tool.spec.description) == ("customer", "Look.")
    assert tool.spec.parameters["required"] == ["phone"]
    assert (tool.rules.filler, tool.rules.on_barge_in) == ("Let me look.", "cancel")
    assert tool.rules.timeout_s is not None
    assert tool.rules.timeout_s > 4


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("trouble", [says({}, 503), says({}, 429), drops], ids=["503", "429", "drops"])
async def test_what_may_be_asked_again_is(context: ToolContext, method: str, trouble: web.Response | Handler) -> None:
    server, pauses = Server(trouble, trouble, says("there")), Pauses()
    assert await used(server, context, pauses=pauses, method=method) == "there"
    # After a broken connection the library asks once more by itself.
    assert (len(server.asked), pauses.taken) == (3, [0.2] if trouble is drops else [0.2, 0.6])


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("trouble", [says({}, 503), drops], ids=["503", "drops"])
async def test_what_changes_something_is_asked_once(
    context: ToolContext, method: str, trouble: web.Response | Handler
) -> None:
    server = Server(trouble, says("there"))
    with pytest.raises(ToolError, match=SORRY):
        await used(server, context, method=method)
    assert len(server.asked) == 1


async def test_three_attempts_are_enough(context: ToolContext) -> None:
    server = Server(says({}, 500))
    with pytest.raises(ToolError, match=SORRY):
        await used(server, context)
    assert len(server.asked) == 3


async def test_a_refusal_is_for_the_model_and_asked_once(context: ToolContext) -> None:
    server = Server(says({"message": "no such customer"}, 404))
    assert await used(server, context) == {"status": 404, "error": {"message": "no such customer"}}
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (says({"message": f"wrong key {TOKEN}"}, 401), "HTTP 401"),
        (says({}, 500), "HTTP 500"),
        (drops, "the connection broke off"),
        (web.Response(body=b"{", content_type="application/json"), "its answer is not valid JSON"),
        (says("x" * 20_000), "its answer has 20002 bytes, of 8192; let `result` name the part that is needed"),
    ],
    ids=["401", "500", "drops", "no JSON", "large"],
)
async def test_a_failure_is_told_in_the_words_of_the_settings(
    context: ToolContext, answer: web.Response | Handler, problem: str
) -> None:
    with capture_logs() as logs, pytest.raises(ToolError) as caught:
        await used(Server(answer), context)
    assert str(caught.value) == SORRY
    [failed] = [entry for entry in logs if entry["event"] == "an HTTP tool failed"]
    assert (failed["problem"], failed["tool"], failed["call_id"]) == (problem, "customer", "call-1")
    assert TOKEN not in str(logs)
    assert caught.value.__cause__ is None


async def test_a_slow_server(context: ToolContext) -> None:
    with capture_logs() as logs, pytest.raises(ToolError, match=SORRY):
        await used(Server(hangs), context, timeout_s=0.05)
    assert logs[-1]["problem"] == "no answer within 0.05 s"


async def test_a_server_that_is_not_there(context: ToolContext) -> None:
    async with serving(Server(says({})).answer) as url:
        pass
    client = HttpClient()
    tool = HttpTool("customer", http_settings(url=url), client, sleep=Pauses())
    with capture_logs() as logs, pytest.raises(ToolError, match="customer does not work at the moment"):
        await tool({}, context)
    await client.close()
    assert logs[-1]["problem"] == "it cannot be reached"


async def test_a_name_that_nobody_has(context: ToolContext) -> None:
    client = HttpClient()
    tool = HttpTool("customer", http_settings(url="http://nobody.invalid/"), client, sleep=Pauses())
    with pytest.raises(ToolError, match="does not work"):
        await tool({}, context)
    await client.close()


async def test_an_argument_that_cannot_be_sent_is_the_models_trouble(context: ToolContext) -> None:
    server = Server(says({}))
    with pytest.raises(ToolError, match="dots alone"):
        await used(server, context, {"phone": ".."})
    assert server.asked == []
