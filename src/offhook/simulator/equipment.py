"""What a synthetic caller speaks and writes down with: the local models, loaded only if a scenario needs them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from offhook.config import Settings
from offhook.providers.models import locate
from offhook.providers.stt.base import Recognizer
from offhook.providers.tts.base import Synthesizer
from offhook.simulator.caller import Transcribe
from offhook.simulator.listener import Listener

__all__ = ["Equipment", "local_equipment", "local_recognizer", "local_voice"]


@dataclass(frozen=True, slots=True)
class Equipment:
    """A voice for the caller, and somebody who writes down what the agent says. Either may be missing."""

    synthesizer: Synthesizer | None = None
    transcribe: Transcribe | None = None


@asynccontextmanager
async def local_equipment(settings: Settings, *, voice: bool, transcribe: bool) -> AsyncIterator[Equipment]:
    """The local models that `settings` name, ready for use. Raises ModelError."""
    async with AsyncExitStack() as stack:
        synthesizer = local_voice(stack) if voice else None
        listener = await stack.enter_async_context(Listener(lambda: local_recognizer(settings))) if transcribe else None
        yield Equipment(synthesizer, listener.transcribe if listener else None)


def local_voice(stack: AsyncExitStack) -> Synthesizer:
    """The local voice, closed with `stack`."""
    from offhook.providers.tts.hibari import HibariSynthesizer  # noqa: PLC0415 - in the extra `local`

    synthesizer = HibariSynthesizer()
    stack.push_async_callback(synthesizer.close)
    return synthesizer


def local_recognizer(settings: Settings) -> Recognizer:
    """The local recogniser that `settings` name. Raises ModelError."""
    from offhook.providers.stt.whisper import WhisperRecognizer  # noqa: PLC0415 - in the extra `local`

    folder = settings.models.stt_dir or locate(settings.models.stt, settings)
    return WhisperRecognizer(folder, workers=1, name=settings.models.stt)
