import os
import threading
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from offhook.errors import ModelError
from offhook.providers.stt.base import Recognizer, Transcript
from offhook.simulator.listener import NICENESS, Listener


class Heard:
    name = "heard"

    def __init__(self) -> None:
        self.nice = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    async def transcribe(
        self, audio: NDArray[np.float32], *, language: str = "en", among: Sequence[str] = ()
    ) -> Transcript:
        return Transcript(f"{len(audio)} {self.nice}", 1.0)


async def test_it_listens_at_16_khz_with_low_priority() -> None:
    async with Listener(Heard) as listener:
        assert await listener.transcribe(np.zeros(8_000, np.int16), 8_000) == f"16000 {NICENESS}"


async def test_a_model_that_does_not_load_is_told() -> None:
    def broken() -> Recognizer:
        raise ModelError("is not here")

    with pytest.raises(ModelError, match="is not here"):
        async with Listener(broken):
            pass
