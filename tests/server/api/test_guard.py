from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import BaseModel

from offhook.errors import CallError, CarrierError, ConfigError
from offhook.server.api.guard import ApiError, answer, body_of, guarded

KEY = "the-right-key"


class Wish(BaseModel):
    to: str
    times: int = 1


@asynccontextmanager
async def api(error: Exception | None = None) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async def wish(request: web.Request) -> web.Response:
        if error is not None:
            raise error
        wanted = await body_of(request, Wish)
        return answer({"to": wanted.to}, 201)

    app = web.Application()
    below = guarded(KEY)
    below.router.add_post("/wishes", wish)
    app.add_subapp("/v1", below)
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.mark.parametrize("header", [f"Bearer {KEY}", f"bearer  {KEY} "])
async def test_who_shows_the_key_is_let_in(header: str) -> None:
    async with (
        api() as client,
        client.post("/v1/wishes", json={"to": "x"}, headers={"Authorization": header}) as response,
    ):
        assert (response.status, await response.json()) == (201, {"to": "x"})


@pytest.mark.parametrize(
    "header", [None, "", KEY, "Bearer", "Bearer wrong", f"Basic {KEY}", f"Bearer {KEY}x", "Bearer é"]
)
@pytest.mark.parametrize("path", ["/v1/wishes", "/v1/nothing"])
async def test_who_does_not_is_not(header: str | None, path: str) -> None:
    headers = {} if header is None else {"Authorization": header}
    async with api() as client, client.post(path, json={"to": "x"}, headers=headers) as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert KEY not in await response.text()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "the body is no JSON"),
        (b"", "to: Field required"),
        (b"[]", "the body is no JSON object"),
        (b'{"to": 1}', "to: Input should be a valid string"),
        (b'{"to": "x", "times": "many"}', "times: "),
    ],
)
async def test_a_body_that_is_wrong_is_told_by_its_field(body: bytes, said: str) -> None:
    async with api() as client, client.post("/v1/wishes", data=body, headers=authorized()) as response:
        assert response.status == 400
        assert said in (await response.json())["error"]


async def test_a_body_that_is_too_large() -> None:
    async with api() as client, client.post("/v1/wishes", data=b"x" * 70_000, headers=authorized()) as response:
        assert response.status == 413
        assert "error" in await response.json()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ApiError(418, "no coffee"), 418),
        (CallError("no"), 409),
        (CarrierError("no", carrier="vobiz", status=401), 502),
        (CarrierError("no", carrier="twilio", offered=False), 409),
        (ConfigError("no"), 503),
        (RuntimeError("a secret"), 500),
        (web.HTTPNotFound(), 404),
    ],
)
async def test_errors_are_json(error: Exception, status: int) -> None:
    async with api(error) as client, client.post("/v1/wishes", headers=authorized()) as response:
        assert response.status == status
        said = (await response.json())["error"]
        assert "secret" not in said


def authorized() -> dict[str, str]:
    return {"Authorization": f"Bearer {KEY}"}
