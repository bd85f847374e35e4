"""The calls API of a server, over a dialler and a switchboard of paper."""

from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from offhook.calls.leg import CallOrigin
from offhook.carriers.media_stream.control import StreamControl
from offhook.carriers.outbound import Dialler
from offhook.config import Settings
from offhook.server.api.calls import CallsApi
from offhook.server.api.guard import answer, guarded
from tests.calls.rig import PaperLeg
from tests.carriers.media_stream.paper_api import PaperApi
from tests.server.board import Board

__all__ = ["KEY", "House"]

KEY = "key"


class House:
    """The API over a dialler and a switchboard of paper."""

    def __init__(self, folder: Path, **sections: Any) -> None:
        self.carrier = PaperApi()
        self.url = "https://x.example"
        settings = Settings.model_validate(
            {"keys": {"from_number": "+15550199"}, "agents": {"reception": {}, "debts": {}}}
        )
        self.dialler = Dialler(settings, {"vobiz": self.carrier}, lambda: self.url)
        self.board = Board(folder, dialler=self.dialler, **sections)
        self.starting = False
        api = guarded(KEY)
        self.costs: dict[str, dict[str, Any]] = {}
        board = self.board
        CallsApi(self.dialler, lambda: None if self.starting else board.switchboard, self.costs.get).add_to(api)
        app = web.Application()
        app.router.add_get("/health", self.health)
        app.add_subapp("/v1", api)
        self.client = TestClient(TestServer(app))

    async def health(self, request: web.Request) -> web.Response:
        return answer({"status": "starting"}, 503) if self.starting else answer({"status": "ok"})

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {KEY}"}
        async with self.client.request(method, f"/v1{path}", json=body, headers=headers) as response:
            return response.status, await response.json()

    def ring(self, origin: CallOrigin | None = None, *, held: bool = True) -> PaperLeg:
        leg = PaperLeg()
        leg.origin = origin or CallOrigin("inbound", "+15550100", "+15550199")
        if held:
            leg.control = StreamControl(
                self.carrier, leg.carrier_call_id, publish=lambda _: "https://x.example/d", dial_document=str.encode
            )
        self.board.switchboard.answer(leg)
        return leg
