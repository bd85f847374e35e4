"""A switchboard on paper: its clock is moved by the test, its engines play callers back."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from offhook.calls.clock import MediaClock
from offhook.calls.engines.base import CallHandle, Engine
from offhook.calls.engines.loopback import Loopback
from offhook.calls.leg import CallOrigin
from offhook.calls.voice_detection import VoiceDetection
from offhook.carriers.outbound import Dialler
from offhook.config import AgentSettings, LimitSettings, RecordingSettings, ServerSettings, Settings
from offhook.events import CallEvent
from offhook.server.consultations import Consultations
from offhook.server.desk import Desk
from offhook.server.records import CallRecords
from offhook.server.switchboard import Switchboard
from tests.calls.rig import Mouth, PaperLeg, phrases_of

__all__ = ["Board", "opened"]


class Board:
    """A switchboard whose clock the test moves."""

    def __init__(
        self,
        folder: Path,
        *,
        speaks: bool = True,
        dialler: Dialler | None = None,
        detection: VoiceDetection | None = None,
        **sections: Any,
    ) -> None:
        self.time = 0.0
        self.clock = MediaClock(now=lambda: self.time)
        self.events: list[CallEvent] = []
        self.files = ThreadPoolExecutor(1)
        usual = {
            "server": ServerSettings(data_dir=folder),
            "limits": LimitSettings(max_calls=2, busy_line="All lines are busy."),
            "recording": RecordingSettings(enabled=True),
            "agents": {
                "reception": AgentSettings(instructions="You know {name}."),
                "debts": AgentSettings(instructions="Ask {name} for {sum}, not {more}."),
            },
        }
        self.settings = Settings.model_validate({**usual, **sections})
        self.records = CallRecords(folder / "calls", self.files)
        phrases = phrases_of(Mouth()) if speaks else None
        voices = {"reception": phrases} if phrases is not None else {}
        self.consultations = Consultations(self.settings, dialler, voices, self.sink) if dialler is not None else None
        self.switchboard = Switchboard(
            Desk(
                self.settings,
                self.clock,
                self.sink,
                self.records,
                dict.fromkeys(self.settings.answering, self.engine),
                {},
                detection,
                phrases,
                self.files,
                dialler,
                spent_up=lambda: self.spent_up,
                consultations=self.consultations,
            )
        )
        self.fails = False
        self.spent_up = False
        self.handles: list[CallHandle] = []

    def sink(self, event: CallEvent) -> None:
        self.events.append(event)
        self.records(event)

    def engine(self, call: CallHandle) -> Engine:
        if self.fails:
            raise RuntimeError("a bug")
        self.handles.append(call)
        return Loopback(call)

    def ring(self, origin: CallOrigin | None = None) -> PaperLeg:
        leg = PaperLeg()
        leg.origin = origin or CallOrigin()
        self.switchboard.answer(leg)
        return leg

    async def run(self, ms: int) -> None:
        for _ in range(ms // 20):
            self.time += 0.02
            self.clock.catch_up()
            for _ in range(10):
                await asyncio.sleep(0)


@asynccontextmanager
async def opened(folder: Path, **sections: Any) -> AsyncIterator[Board]:
    """A board that is cleared in the end."""
    board = Board(folder, **sections)
    try:
        yield board
    finally:
        await board.switchboard.hang_up_all()
        board.files.shutdown()
