"""Where recordings of calls go."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import UTC, datetime
from pathlib import Path

from offhook.audio.formats import AudioFormat
from offhook.calls.recorder import Recorder
from offhook.config import Settings

__all__ = ["Recordings"]


class Recordings:
    """Opens a recording for each call, written in `worker`; `on_trouble` is told on the event loop."""

    def __init__(self, settings: Settings, worker: Executor, on_trouble: Callable[[str, Path, OSError], None]):
        self._settings = settings
        self._worker = worker
        self._on_trouble = on_trouble

    def open(self, call_id: str, audio_format: AudioFormat) -> Recorder | None:
        """The recorder of a call; None where calls are not recorded."""
        if not self._settings.recording.enabled:
            return None
        # With its time, since a carrier may use an id again.
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")[:-3]
        path = self._settings.server.data_dir / "recordings" / f"{stamp}-{call_id}.wav"
        loop = asyncio.get_running_loop()

        def trouble(error: OSError) -> None:
            loop.call_soon_threadsafe(self._on_trouble, call_id, path, error)

        return Recorder(path, audio_format, worker=self._worker, on_trouble=trouble)
