import gc
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from offhook.config import Settings
from offhook.server import app


class ReadyServer:
    """A server that was started, without ports, models or calls."""

    switchboard = None

    def __init__(self, settings: Settings, *, tunnel: bool):
        self.settings = settings

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ReadyServer"]:
        yield self


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_was_made_at_the_start_is_never_searched_for_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen: list[int] = []

    def announced(server: ReadyServer) -> None:
        frozen.append(gc.get_freeze_count())
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(app, "Server", ReadyServer)
    monkeypatch.setattr(app, "_announce", announced)
    before = gc.get_freeze_count()
    assert app.run(Settings()) == 0
    assert frozen[0] > before + 10_000
