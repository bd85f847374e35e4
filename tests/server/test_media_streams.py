"""Calls of the carriers from their webhook to their record, over real HTTP and WebSockets on loopback."""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from offhook.audio.formats import MULAW_8K
from offhook.calls.leg import CallOrigin
from offhook.carriers.media_stream.addresses import Addresses
from offhook.carriers.media_stream.api import CarrierApi
from offhook.carriers.media_stream.control import StreamControl
from offhook.carriers.media_stream.tickets import Ticket
from offhook.config import CarrierName, CarrierSettings, ServerSettings, Settings, TwilioSettings
from offhook.errors import ConfigError
from offhook.events import CallEnded, CallStarted, EndReason
from offhook.server.dialling import dialling, open_apis
from offhook.server.media_streams import MediaStreams
from offhook.server.switchboard import Switchboard
from offhook.simulator.clouds.media_stream.documents import read_document
from offhook.simulator.clouds.media_stream.verbs import Dial, Stream
from tests.carriers.media_stream.carrier_fake import CarrierFake
from tests.carriers.media_stream.house import ANSWER, CALL_ID, DIAL_ID, HANGUP, TWILIO, VOBIZ, socket_url, tags
from tests.carriers.media_stream.paper_api import PaperApi
from tests.server.board import Board

Client = TestClient[web.Request, web.Application]
WITHIN_S = 30
SOUND = bytes(range(160))


@asynccontextmanager
async def phoned(streams: MediaStreams) -> AsyncIterator[Client]:
    """A carrier that can reach the server."""
    app = web.Application()
    app.add_routes(streams.routes())
    async with asyncio.timeout(WITHIN_S), TestClient(TestServer(app)) as client:
        yield client
        await streams.close()


def made(settings: Settings, apis: Mapping[CarrierName, CarrierApi] | None = None) -> MediaStreams:
    secret = settings.keys.webhook_secret
    addresses = Addresses(settings.server.public_url, secret.get_secret_value() if secret else "")
    return MediaStreams(settings, addresses, apis or {})


async def answered(client: Client, told: Mapping[str, str] = ANSWER, path: str = "/answer") -> str:
    """The path of the media socket that a call is given."""
    response = await client.post(path, data=told)
    return "/" + socket_url(await response.read()).split("/", 3)[3]


def start(call_id: str = CALL_ID) -> dict[str, Any]:
    media = {"encoding": "audio/x-mulaw", "sampleRate": 8000}
    return {
        "sequenceNumber": 0,
        "event": "start",
        "start": {"callId": call_id, "streamId": "s1", "accountId": "1", "tracks": ["inbound"], "mediaFormat": media},
        "extra_headers": "{}",
    }


async def say(socket: ClientWebSocketResponse, *messages: object) -> None:
    for message in messages:
        await socket.send_str(orjson.dumps(message).decode())


def media(frame: bytes = SOUND) -> dict[str, Any]:
    inner = {"track": "inbound", "timestamp": "1", "chunk": 1, "payload": base64.b64encode(frame).decode()}
    return {"sequenceNumber": 1, "streamId": "s1", "event": "media", "media": inner}


async def until_started(board: Board) -> None:
    while not any(isinstance(event, CallStarted) for event in board.events):
        await board.run(20)


async def listen_out(socket: ClientWebSocketResponse, board: Board) -> list[str]:
    """Play what comes, and say so, until the server hangs up; returns the events that came."""
    heard: list[str] = []
    while True:
        await board.run(100)
        try:
            message = await socket.receive(timeout=0.005)
        except TimeoutError:
            continue
        if message.type is not WSMsgType.TEXT:
            return heard
        event = orjson.loads(message.data)
        heard.append(event["event"])
        if event["event"] == "checkpoint":
            await say(socket, {"event": "playedStream", "name": event["name"]})


async def ended(board: Board) -> CallEnded:
    while True:
        for event in board.events:
            if isinstance(event, CallEnded):
                return event
        await board.run(20)


async def record(board: Board) -> dict[str, Any]:
    await asyncio.to_thread(lambda: board.files.submit(int).result())
    [path] = (board.settings.server.data_dir / "calls").glob("*.json")
    read: dict[str, Any] = orjson.loads(path.read_bytes())
    return read


async def test_a_call_from_its_webhook_to_its_record(board: Board) -> None:
    streams = made(board.settings)
    streams.open(board.switchboard)
    async with phoned(streams) as client, client.ws_connect(await answered(client)) as socket:
        await say(socket, start(), *[media()] * 10)
        await until_started(board)
        heard: list[dict[str, Any]] = []
        while not heard:
            await board.run(20)
            try:
                heard.append(orjson.loads(await socket.receive_str(timeout=0.01)))
            except TimeoutError:
                await say(socket, media())
        assert (heard[0]["event"], heard[0]["streamId"]) == ("playAudio", "s1")
        await client.post("/hangup", data=HANGUP)
        end = await ended(board)
        while (await socket.receive()).type is WSMsgType.TEXT:
            pass
    [started] = [event for event in board.events if isinstance(event, CallStarted)]
    assert (started.carrier, started.carrier_call_id, started.agent) == ("vobiz", CALL_ID, "reception")
    assert (end.reason, end.detail) == (EndReason.CALLER_HUNG_UP, "NORMAL_CLEARING")
    assert (await record(board))["end_detail"] == "NORMAL_CLEARING"


async def test_the_agent_gets_ready_when_the_webhook_comes(board: Board) -> None:
    expected: list[str] = []
    streams = made(board.settings)
    streams.open(Switchboard(replace(board.switchboard._desk, expect=lambda agent, announced: expected.append(agent))))
    async with phoned(streams) as client:
        await answered(client)
    assert expected == ["reception"]


async def test_the_cause_is_kept_when_it_comes_after_the_end(board: Board) -> None:
    streams = made(board.settings)
    streams.open(board.switchboard)
    async with phoned(streams) as client:
        async with client.ws_connect(await answered(client)) as socket:
            await say(socket, start())
            await until_started(board)
        assert (await ended(board)).detail == ""
        await client.post("/hangup", data=HANGUP | {"HangupCauseCode": "4000", "HangupSource": "Caller"})
        await client.post("/hangup", data=VOBIZ)
    assert (await record(board))["end_detail"] == "NORMAL_CLEARING 4000, by Caller"


async def test_a_hangup_for_a_fault_of_a_server_is_an_error(board: Board) -> None:
    streams = made(board.settings)
    streams.open(board.switchboard)
    async with phoned(streams) as client, client.ws_connect(await answered(client)) as socket:
        await say(socket, start())
        await until_started(board)
        await client.post("/hangup", data=HANGUP | {"HangupCauseCode": "6020"})
        assert (await ended(board)).reason is EndReason.ERROR


async def test_a_full_house_answers_and_says_so_itself(board: Board) -> None:
    streams = made(board.settings)
    streams.open(board.switchboard)
    board.ring(), board.ring()
    async with phoned(streams) as client, client.ws_connect(await answered(client)) as socket:
        await say(socket, start())
        heard = await listen_out(socket, board)
    assert board.switchboard.refused == 1
    assert heard.count("playAudio") * 20 == 4 * 200


async def test_calls_are_rejected_before_the_server_is_ready_and_when_it_stops(board: Board) -> None:
    streams = made(board.settings)
    async with phoned(streams) as client:
        assert tags(await (await client.post("/answer", data=ANSWER)).read()) == ["Response", "Hangup"]
        assert tags(await (await client.post("/hangup", data=HANGUP)).read()) == ["Response"]
        streams.open(board.switchboard)
        assert "Stream" in tags(await (await client.post("/answer", data=ANSWER)).read())
        await board.switchboard.drain(0)
        assert tags(await (await client.post("/twilio/answer", data=TWILIO)).read()) == ["Response", "Reject"]


async def test_a_socket_that_brings_no_call_does_not_hold_up_the_end(board: Board) -> None:
    streams = made(board.settings)
    streams.open(board.switchboard)
    async with phoned(streams) as client:
        socket = await client.ws_connect(await answered(client))
        await streams.close()
        assert (await socket.receive()).type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR)
        await socket.close()


PUBLIC = Settings(server=ServerSettings(public_url="https://agent.example.com"))


@pytest.mark.parametrize("carrier", ["vobiz", "plivo", "twilio"])
def test_a_caller_is_transferred_under_a_number_of_ours(carrier: CarrierName) -> None:
    inbound = Ticket(carrier, "c1", CallOrigin("inbound", "+15550100", "+15550199"), MULAW_8K)
    document = read_document(made(PUBLIC).dial_document(inbound, "+15550111"), "application/xml", carrier)
    [dial] = document.verbs
    assert isinstance(dial, Dial)
    assert (dial.numbers, dial.caller_id, dial.timeout_s) == (("+15550111",), "+15550199", 60)
    assert (dial.action, document.notes) == (f"https://agent.example.com/{carrier}/dial-status", ())


def test_a_transfer_has_no_status_where_carriers_cannot_reach_us() -> None:
    outbound = Ticket("twilio", "c1", CallOrigin("outbound", "+15550199", "+15550100"), MULAW_8K)
    [dial] = read_document(made(Settings()).dial_document(outbound, "+15550111"), "text/xml", "twilio").verbs
    assert isinstance(dial, Dial)
    assert (dial.caller_id, dial.action) == ("+15550199", "")


def test_calls_may_be_controlled_where_there_is_an_account() -> None:
    streams = made(PUBLIC, {"vobiz": PaperApi()})
    assert isinstance(streams.control_for(Ticket("vobiz", "c1", CallOrigin(), MULAW_8K)), StreamControl)
    assert streams.control_for(Ticket("vobiz", "", CallOrigin(), MULAW_8K)) is None
    assert streams.control_for(Ticket("plivo", "c1", CallOrigin(), MULAW_8K)) is None


async def test_a_caller_goes_on_with_a_document_that_the_carrier_fetches(board: Board) -> None:
    settings = board.settings.model_copy(update={"server": PUBLIC.server})
    api = PaperApi()
    streams = made(settings, {"vobiz": api})
    control = streams.control_for(Ticket("vobiz", "c1", CallOrigin("inbound", "", "+15550199"), MULAW_8K))
    assert control is not None
    await control.transfer("+15550111")
    async with phoned(streams) as client:
        response = await client.post("/" + api.done[0][2].split("/", 3)[3], data=ANSWER)
        assert tags(await response.read()) == ["Response", "Dial", "Number"]


async def test_a_transfer_that_nobody_took_comes_back(board: Board) -> None:
    streams = made(board.settings)
    streams.open(board.switchboard)
    async with phoned(streams) as client:
        dialled = VOBIZ | {"CallStatus": "in-progress", "DialStatus": "busy"}
        async with client.ws_connect(await answered(client, dialled, "/vobiz/dial-status")) as socket:
            await say(socket, start())
            await until_started(board)
    assert board.handles[0].facts.variables == {"transfer": "busy"}


@pytest.mark.parametrize("carrier", ["vobiz", "plivo", "twilio"])
async def test_the_clouds_understand_the_answer(board: Board, carrier: CarrierName) -> None:
    streams = made(board.settings)
    streams.open(board.switchboard)
    async with phoned(streams) as client:
        response = await client.post(f"/{carrier}/answer/{DIAL_ID}", data=TWILIO if carrier == "twilio" else ANSWER)
        document = read_document(await response.read(), response.headers["Content-Type"], carrier)
    [stream] = document.verbs
    assert isinstance(stream, Stream)
    assert (stream.bidirectional, stream.holds, document.notes) == (True, True, ())


def test_signatures_that_cannot_be_checked_stop_the_start() -> None:
    with pytest.raises(ConfigError) as raised:
        made(Settings(twilio=TwilioSettings(signatures="required")))
    assert raised.value.setting == "twilio.signatures"


def test_carriers_that_are_not_enabled_have_no_routes() -> None:
    streams = made(Settings(vobiz=CarrierSettings(enabled=False), plivo=CarrierSettings(enabled=False)))
    assert streams.carriers == ("twilio",)
    assert all(route.path.startswith("/twilio/") for route in streams.routes())


KEYS = {"vobiz_auth_id": "MA_1", "vobiz_auth_token": "token", "from_number": "+15550199", "webhook_secret": "s3cret"}


async def test_a_call_that_we_place_is_followed_by_its_webhooks(tmp_path: Path) -> None:
    carrier = CarrierFake((201, {"request_uuid": "u-1"}), (204, b""))
    addresses = Addresses("https://x.example", "s3cret")
    async with carrier.serve() as url:
        settings = Settings.model_validate({"keys": KEYS, "vobiz": {"api_url": f"{url}/api/v1"}})
        async with open_apis(settings) as apis, dialling(settings, apis, lambda: addresses.reachable) as dialler:
            media_streams = MediaStreams(settings, addresses, apis, watch=dialler)
            app = web.Application()
            app.add_routes(media_streams.routes())
            async with TestClient(TestServer(app)) as client:
                board = Board(tmp_path, dialler=dialler)
                media_streams.open(board.switchboard)
                call = await dialler.dial("+15550100")
                hooks = carrier.asked[0].json
                for name, told in (
                    ("ring_url", {"CallStatus": "ringing", "Event": "Ring"}),
                    ("answer_url", {"CallStatus": "in-progress", "Event": "StartApp", "Direction": "outbound"}),
                    ("hangup_url", {"CallStatus": "completed", "Event": "Hangup", "HangupCause": "NORMAL_CLEARING"}),
                ):
                    assert hooks[name].startswith("https://x.example/k/s3cret/vobiz/")
                    form = {"CallUUID": "u-1", "From": "15550199", "To": "15550100", **told}
                    async with client.post(urlsplit(hooks[name]).path, data=form) as response:
                        assert response.status == 200
            await media_streams.close()
    assert [step.state for step in call.history] == ["queued", "ringing", "answered", "ended"]
    assert call.history[-1].detail == "NORMAL_CLEARING"
    board.files.shutdown()


async def test_a_webhook_that_comes_when_all_is_closed_is_answered_and_passed_over(board: Board) -> None:
    streams = made(board.settings)
    streams.open(board.switchboard)
    async with phoned(streams) as client:
        async with client.ws_connect(await answered(client)) as socket:
            await say(socket, start())
            await until_started(board)
        await ended(board)
        await streams.close()
        board.files.shutdown()
        with capture_logs() as logs:
            assert (await client.post("/hangup", data=HANGUP)).status == 200
            assert b"Hangup" in await (await client.post("/answer", data=ANSWER)).read()
        assert not [each for each in logs if each["log_level"] == "error"]
