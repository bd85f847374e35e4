from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from offhook.carriers.media_stream.addresses import Addresses
from offhook.config import Settings
from offhook.server.dialling import dialling, open_apis
from offhook.server.media_streams import MediaStreams
from tests.carriers.media_stream.carrier_fake import CarrierFake
from tests.server.board import Board

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
