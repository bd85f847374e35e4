"""The hooks over real HTTP, on loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import quote, urlencode

import pytest
from aiohttp import ClientResponse, WSServerHandshakeError, web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr
from structlog.testing import capture_logs
from twilio.request_validator import RequestValidator
from yarl import URL

from offhook.calls.leg import CallControl, Leg
from offhook.carriers.media_stream.addresses import Addresses
from offhook.carriers.media_stream.gate import Gate
from offhook.carriers.media_stream.hooks import HOOKS, Hooks
from offhook.carriers.media_stream.routes import HookRoutes, Reception
from offhook.carriers.media_stream.signatures import plivo_v3, vobiz_v3
from offhook.carriers.media_stream.tickets import Ticket
from offhook.config import CarrierName, KeySettings, ServerSettings, Settings
from offhook.events import EndReason
from tests.calls.rig import PaperLeg
from tests.carriers.media_stream.house import ANSWER, CALL_ID, DIAL_ID, HANGUP, TWILIO, PaperHouse, socket_url, tags

Client = TestClient[web.Request, web.Application]
CARRIERS: tuple[CarrierName, ...] = ("vobiz", "plivo", "twilio")
PUBLIC = "https://agent.example.com"
TOKEN = "test_auth_token_0123456789"
NONCE = "12345678901234567890"


class Stage:
    """The routes with a house on paper, and media sockets whose first message is the start of the stream."""

    def __init__(self, *, public_url: str = "", secret: str = "", token: str = "", root: CarrierName = "vobiz") -> None:
        key = SecretStr(token) if token else None
        keys = KeySettings(
            vobiz_auth_token=key,
            plivo_auth_token=key,
            twilio_auth_token=key,
            webhook_secret=SecretStr(secret) if secret else None,
        )
        settings = Settings(server=ServerSettings(public_url=public_url), keys=keys)
        addresses = Addresses(public_url, secret)
        self.house = PaperHouse()
        self.hooks = {name: Hooks(settings.carrier(name), name, self.house.house, addresses, 60) for name in CARRIERS}
        self.served: list[Ticket] = []
        self.legs: list[PaperLeg] = []
        receptions = {name: Reception(Gate(settings, name), self.hooks[name]) for name in CARRIERS}
        self.routes = HookRoutes(receptions, addresses, self.serve, root=root, secret=secret)

    async def serve(
        self, request: web.Request, ticket: Ticket, begin: Callable[[Leg], None], control: CallControl | None
    ) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.served.append(ticket)
        async for _ in socket:
            leg = PaperLeg()
            self.legs.append(leg)
            begin(leg)
            await socket.send_str("begun")
        return socket

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        app = web.Application()
        app.add_routes(self.routes.routes())
        async with TestClient(TestServer(app)) as client:
            yield client


async def document(response: ClientResponse) -> bytes:
    assert (response.status, response.content_type) == (200, "application/xml")
    return await response.read()


async def answered(client: Client, path: str = "/answer", **headers: str) -> bytes:
    return await document(await client.post(path, data=ANSWER, headers=headers))


def path_of(url: str) -> str:
    return "/" + url.partition("://")[2].partition("/")[2]


# Paths


@pytest.mark.parametrize("root", CARRIERS)
async def test_the_root_speaks_the_dialect_of_its_carrier(root: CarrierName) -> None:
    stage = Stage(root=root)
    async with stage.client() as client:
        told = TWILIO if root == "twilio" else ANSWER
        assert f"/{root}/ws/" in socket_url(await document(await client.post("/answer", data=told)))
    assert [ticket.carrier for ticket in stage.house.expected] == [root]


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_every_carrier_has_its_own_paths_whatever_is_said_there(carrier: CarrierName) -> None:
    stage = Stage()
    async with stage.client() as client:
        await document(await client.post(f"/{carrier}/answer", data=ANSWER, headers={"User-Agent": "Vobiz"}))
    assert [ticket.carrier for ticket in stage.house.expected] == [carrier]


async def test_parameters_come_by_query_form_or_json() -> None:
    stage = Stage()
    async with stage.client() as client:
        await document(await client.get("/answer", params={"CallUUID": "c1"}))
        await document(await client.post("/answer", data={"CallUUID": "c2"}))
        await document(await client.post("/answer", json={"CallUUID": "c3"}))
        await document(await client.post("/answer/?CallUUID=c4"))
    assert [ticket.carrier_call_id for ticket in stage.house.expected] == ["c1", "c2", "c3", "c4"]


@pytest.mark.parametrize("name", HOOKS)
async def test_every_hook_answers_with_a_document(name: str) -> None:
    async with Stage().client() as client:
        for path in (f"/{name}", f"/vobiz/{name}", f"/vobiz/{name}/{DIAL_ID}", f"/{name}/{DIAL_ID}", f"/plivo/{name}/"):
            assert tags(await document(await client.get(path)))[0] == "Response"
            assert tags(await document(await client.post(path, data=ANSWER)))[0] == "Response"


async def test_a_dialled_call_is_known_by_its_path() -> None:
    stage = Stage()
    async with stage.client() as client:
        await answered(client, f"/vobiz/answer/{DIAL_ID}")
        await document(await client.post(f"/vobiz/hangup/{DIAL_ID}", data=HANGUP))
    assert [(dial_id, state) for dial_id, state, _ in stage.house.news] == [(DIAL_ID, "answered"), (DIAL_ID, "ended")]


async def test_a_hook_that_nobody_knows_is_answered_and_told() -> None:
    stage = Stage()
    with capture_logs() as lines:
        async with stage.client() as client:
            await document(await client.post("/vobiz/anwser", data=ANSWER))
    assert [(line["event"], line["path"]) for line in lines] == [("a webhook came to a path that is no hook", "anwser")]
    async with stage.client() as client:
        for path in ("/vobiz", "/vobiz/", "/vobiz/voicemail", "/vobiz/a/b/c?d=e", "/plivo/recordings"):
            response = await client.post(path, data=ANSWER)
            assert response.status == (404 if path == "/vobiz" else 200)
    assert stage.house.expected == []


@pytest.mark.parametrize("path", ["/answer", "/vobiz/hangup", "/vobiz/unknown", f"/answer/{DIAL_ID}", "/ws/token"])
@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH"])
async def test_other_methods_are_not_allowed(path: str, method: str) -> None:
    async with Stage().client() as client:
        assert (await client.request(method, path)).status == 405


async def test_a_carrier_that_is_not_enabled_has_no_paths() -> None:
    stage = Stage()
    receptions = {"plivo": Reception(Gate(Settings(), "plivo"), stage.hooks["plivo"])}
    app = web.Application()
    app.add_routes(HookRoutes(receptions, Addresses(), stage.serve, root="vobiz").routes())  # type: ignore[arg-type]
    async with TestClient(TestServer(app)) as client:
        assert [(await client.post(path)).status for path in ("/answer", "/vobiz/answer")] == [404, 404]
        assert (await client.post("/plivo/answer")).status == 200


# Addresses


async def test_without_a_public_address_the_request_tells_it() -> None:
    async with Stage().client() as client:
        assert socket_url(await answered(client)).startswith(f"ws://127.0.0.1:{client.port}/vobiz/ws/")
        proxied = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "agent.example.com"}
        assert socket_url(await answered(client, **proxied)).startswith("wss://agent.example.com/vobiz/ws/")


async def test_the_public_address_of_the_settings_counts() -> None:
    async with Stage(public_url=PUBLIC).client() as client:
        assert socket_url(await answered(client, Host="evil.example")).startswith("wss://agent.example.com/vobiz/ws/")


# Signatures and the secret


def vobiz_headers(path: str) -> dict[str, str]:
    return {
        "X-Vobiz-Signature-V3": vobiz_v3(TOKEN, PUBLIC + path, NONCE),
        "X-Vobiz-Signature-V3-Nonce": NONCE,
        "auth-token": "clear",
    }


async def test_signatures_are_checked_against_the_public_address() -> None:
    stage = Stage(public_url=PUBLIC, token=TOKEN)
    async with stage.client() as client:
        good = await client.post("/answer?a=1", data=ANSWER, headers=vobiz_headers("/answer"))
        assert "Stream" in tags(await document(good))
        again = await client.post("/answer?a=1", data=ANSWER, headers=vobiz_headers("/answer"))
        assert await document(again) == await document(good)
        with capture_logs() as lines:
            wrong = await client.post("/answer?a=1", data=ANSWER, headers=vobiz_headers("/hangup"))
            lent = await client.post("/answer?a=1", data=HANGUP, headers=vobiz_headers("/answer"))
        assert [(wrong.status, await wrong.read()), (lent.status, await lent.read())] == [(403, b"")] * 2
    assert [line["setting"] for line in lines] == ["vobiz.signatures"] * 2
    assert not any(
        word in str(lines) for word in (TOKEN, NONCE, "clear", vobiz_headers("/hangup")["X-Vobiz-Signature-V3"])
    )
    assert stage.house.ended == []


async def test_plivo_signs_the_parameters() -> None:
    async with Stage(public_url=PUBLIC, token=TOKEN).client() as client:
        signature = plivo_v3(TOKEN, "POST", f"{PUBLIC}/plivo/answer?a=1", ANSWER, NONCE)
        headers = {"X-Plivo-Signature-V3": signature, "X-Plivo-Signature-V3-Nonce": NONCE}
        assert (await client.post("/plivo/answer?a=1", data=ANSWER, headers=headers)).status == 200
        other = ANSWER | {"To": "1"}
        assert (await client.post("/plivo/answer?a=1", data=other, headers=headers)).status == 403


async def test_twilio_signs_the_form() -> None:
    async with Stage(public_url=PUBLIC, token=TOKEN).client() as client:
        signature = RequestValidator(TOKEN).compute_signature(f"{PUBLIC}/twilio/answer?a=1", TWILIO)
        headers = {"X-Twilio-Signature": signature}
        assert (await client.post("/twilio/answer?a=1", data=TWILIO, headers=headers)).status == 200
        assert (await client.post("/twilio/answer?a=2", data=TWILIO, headers=headers)).status == 403


async def test_unsigned_hooks_need_the_secret_in_their_path() -> None:
    stage = Stage(public_url=PUBLIC, token=TOKEN, secret="s3cret-path")
    async with stage.client() as client:
        with capture_logs() as lines:
            for path in ("/answer", "/vobiz/hangup", "/k/wrong/answer", f"/k/{quote('é')}/vobiz/answer"):
                assert (await client.post(path, data=ANSWER)).status == 403
        for path in ("/k/s3cret-path/answer", "/k/s3cret-path/vobiz/status", "/k/s3cret-path/plivo/unknown"):
            assert (await client.post(path, data=ANSWER)).status == 200
        signed = await client.post("/answer", data=ANSWER, headers=vobiz_headers("/answer"))
        stream = await document(signed)
    assert b"https://agent.example.com/k/s3cret-path/vobiz/stream-status" in stream
    assert "s3cret-path" not in socket_url(stream) + str(lines)


async def test_a_secret_may_have_any_letters() -> None:
    stage = Stage(public_url=PUBLIC, secret="a secret/with 100%")
    async with stage.client() as client:
        path = path_of(Addresses(PUBLIC, "a secret/with 100%").hook("vobiz", "answer"))
        assert (await client.post(URL(path, encoded=True), data=ANSWER)).status == 200


async def test_without_a_secret_there_is_nothing_below_it() -> None:
    async with Stage().client() as client:
        assert (await client.post("/k/anything/answer", data=ANSWER)).status == 404


# Bodies


async def test_a_body_that_is_too_large_is_refused() -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"a" * 4_096

    stage = Stage()
    async with stage.client() as client:
        assert (await client.post("/answer", data=b"a" * 70_000)).status == 413
        assert (await client.post("/answer", data=endless())).status == 413
        assert (await client.post("/answer", data=b"a" * 60_000)).status == 200


async def test_a_body_that_is_broken_off_harms_nobody() -> None:
    stage = Stage()
    async with stage.client() as client:
        for broken in (b"5\r\nCallU\r\nnonsense\r\n\r\n", b"5\r\nCallU\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
            writer.write(b"POST /answer HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + broken)
            writer.write_eof()
            told = await reader.read()
            assert b" 500 " not in told
            writer.close()
        assert (await client.post("/answer", data=ANSWER)).status == 200


@pytest.mark.parametrize(
    ("path", "told", "expected"),
    [("/answer", ANSWER, ["Response", "Speak", "Hangup"]), ("/hangup", HANGUP, ["Response"])],
)
async def test_a_fault_of_ours_is_an_excuse_and_no_error(path: str, told: dict[str, str], expected: list[str]) -> None:
    stage = Stage()
    stage.house.is_broken = True
    async with stage.client() as client:
        with capture_logs() as lines:
            assert tags(await document(await client.post(path, data=told))) == expected
    assert "a fault in a webhook" in [line["event"] for line in lines if line["log_level"] == "error"]


# Media sockets


async def test_a_socket_is_let_in_by_its_token_and_begins_one_conversation() -> None:
    stage = Stage()
    async with stage.client() as client:
        path = path_of(socket_url(await answered(client)))
        async with client.ws_connect(path) as socket:
            await socket.send_str("start")
            assert (await socket.receive_str()) == "begun"
            await refused(client, path)
            assert path_of(socket_url(await answered(client))) == path
        while path_of(socket_url(await answered(client))) == path:
            pass
    assert stage.house.answered == [*stage.legs]
    assert [ticket.carrier_call_id for ticket in stage.served] == [CALL_ID]


async def refused(client: Client, path: str, **headers: str) -> None:
    with pytest.raises(WSServerHandshakeError) as raised:
        await client.ws_connect(path, headers=headers)
    assert raised.value.status == 403


async def test_a_socket_that_broke_before_its_start_may_come_again() -> None:
    stage = Stage()
    async with stage.client() as client:
        path = path_of(socket_url(await answered(client)))
        async with client.ws_connect(path):
            pass
        async with client.ws_connect(path) as socket:
            await socket.send_str("start")
            await socket.receive_str()
    assert len(stage.house.answered) == 1


async def test_of_two_sockets_of_one_call_the_second_is_closed() -> None:
    stage = Stage()
    async with stage.client() as client:
        path = path_of(socket_url(await answered(client)))
        async with client.ws_connect(path) as first, client.ws_connect(path) as second:
            for socket in (first, second):
                await socket.send_str("start")
                await socket.receive_str()
    assert stage.house.answered == stage.legs[:1]
    assert [leg.closed for leg in stage.legs] == [[], [EndReason.PROTOCOL]]


async def test_a_socket_that_brought_nothing_does_not_end_the_conversation_of_another() -> None:
    stage = Stage()
    async with stage.client() as client:
        path = path_of(socket_url(await answered(client)))
        async with client.ws_connect(path) as talking:
            async with client.ws_connect(path):
                await talking.send_str("start")
                await talking.receive_str()
            assert path_of(socket_url(await answered(client))) == path
    assert len(stage.house.expected) == 1


@pytest.mark.parametrize("path", ["/ws", "/ws/", "/ws/wrong", "/ws/wrong/more", "/vobiz/ws", "/vobiz/ws/wrong"])
async def test_nobody_is_let_in_without_a_good_token(path: str) -> None:
    stage = Stage()
    async with stage.client() as client:
        await answered(client)
        await refused(client, path)
        assert (await client.get(path)).status == 403
    assert stage.served == []


async def test_the_root_has_sockets_too() -> None:
    stage = Stage()
    async with stage.client() as client:
        path = path_of(socket_url(await answered(client)))
        async with client.ws_connect(path.removeprefix("/vobiz")) as socket:
            await socket.send_str("start")
            await socket.receive_str()
    assert len(stage.house.answered) == 1


async def test_the_token_of_a_carrier_is_not_good_at_another() -> None:
    async with Stage().client() as client:
        path = path_of(socket_url(await answered(client)))
        await refused(client, path.replace("vobiz", "plivo"))


async def test_a_token_does_not_open_after_the_hangup() -> None:
    async with Stage().client() as client:
        path = path_of(socket_url(await answered(client)))
        await document(await client.post("/hangup", data=HANGUP))
        await refused(client, path)


async def test_a_request_for_no_socket_does_not_use_the_token() -> None:
    stage = Stage()
    async with stage.client() as client:
        path = path_of(socket_url(await answered(client)))
        assert (await client.get(path)).status == 400
        async with client.ws_connect(path) as socket:
            await socket.send_str("start")
            await socket.receive_str()


async def test_the_socket_of_twilio_is_signed_by_its_address() -> None:
    stage = Stage(public_url=PUBLIC, token=TOKEN)
    async with stage.client() as client:
        judge = RequestValidator(TOKEN)
        signature = judge.compute_signature(f"{PUBLIC}/twilio/answer", TWILIO)
        response = await client.post("/twilio/answer", data=TWILIO, headers={"X-Twilio-Signature": signature})
        url = socket_url(await document(response))
        wrong = judge.compute_signature(url.replace("wss", "https"), {})
        await refused(client, path_of(url), **{"X-Twilio-Signature": wrong})
        headers = {"X-Twilio-Signature": judge.compute_signature(url, {})}
        async with client.ws_connect(path_of(url), headers=headers) as socket:
            await socket.send_str("start")
            await socket.receive_str()


# Published documents


async def test_a_published_document_is_fetched_by_its_address() -> None:
    stage = Stage(public_url=PUBLIC)
    async with stage.client() as client:
        path = path_of(stage.hooks["vobiz"].publish(b"<Response />"))
        assert await document(await client.post(path, data=ANSWER)) == b"<Response />"
        assert await document(await client.get(path)) == b"<Response />"
        assert tags(await document(await client.post("/vobiz/document/wrong"))) == ["Response", "Hangup"]


async def test_a_published_document_is_for_the_carrier_alone() -> None:
    stage = Stage(public_url=PUBLIC, token=TOKEN, secret="s3cret-path")
    async with stage.client() as client:
        path = path_of(stage.hooks["vobiz"].publish(b"<Response />"))
        assert path.startswith("/k/s3cret-path/vobiz/document/")
        assert (await client.post(path.removeprefix("/k/s3cret-path"))).status == 403
        assert (await client.post(path)).status == 200


# Whatever comes


_PATHS = st.sampled_from(
    [
        f"{carrier}/{name}{tail}"
        for carrier in ("", "/vobiz", "/plivo", "/twilio")
        for name in HOOKS
        for tail in ("", "/d1")
    ]
)
_WORDS = st.sampled_from(["Hangup", "StartApp", "completed", "busy", "c1", "true"]) | st.text(max_size=20)
_NAMES = st.sampled_from(["CallUUID", "CallSid", "Event", "CallStatus", "DialStatus", "Machine", "From"])
_TOLD = st.dictionaries(_NAMES | st.text(max_size=20), _WORDS, max_size=6)
_HEADERS = st.dictionaries(
    st.sampled_from(["X-Vobiz-Signature-V3", "X-Vobiz-Signature-V3-Nonce", "X-Twilio-Signature", "Content-Type"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20),
)


@hypothesis_settings(max_examples=60, deadline=None)
@given(path=_PATHS, query=_TOLD, body=_TOLD.map(urlencode) | st.binary(max_size=200), headers=_HEADERS)
async def test_whatever_comes_is_answered_or_refused(
    path: str, query: dict[str, str], body: str | bytes, headers: dict[str, str]
) -> None:
    async with Stage(token=TOKEN).client() as client:
        response = await client.post(f"{path}?{urlencode(query)}", data=body, headers=headers)
        content = await response.read()
        assert response.status in (200, 403)
        assert response.status == 403 or tags(content)[0] == "Response"
