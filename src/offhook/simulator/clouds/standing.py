"""All doubles of providers at once, on the local models: for trying a cloud-shaped agent without any key."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from offhook.config import Settings
from offhook.providers.llm.flow import load_facts, load_flow
from offhook.providers.models import locate
from offhook.simulator.clouds.deepgram import DeepgramDouble
from offhook.simulator.clouds.ears import model_ears
from offhook.simulator.clouds.elevenlabs import ElevenLabsDouble
from offhook.simulator.clouds.flow_brain import flow_brain
from offhook.simulator.clouds.openai import OpenAiDouble
from offhook.simulator.clouds.openai_chat import ChatDouble
from offhook.simulator.clouds.openai_realtime import RealtimeDouble
from offhook.simulator.clouds.openai_speech import SpeechDouble
from offhook.simulator.equipment import local_recognizer, local_voice

__all__ = ["Clouds", "settings_for", "standing"]


@dataclass(frozen=True, slots=True)
class Clouds:
    """The doubles' addresses."""

    deepgram: str
    openai: str
    elevenlabs: str


@asynccontextmanager
async def standing(settings: Settings) -> AsyncIterator[Clouds]:
    """Deepgram, OpenAI and ElevenLabs on free ports of this machine. They take any key. Raises ModelError."""
    # In the extra `local`, like the other models.
    from offhook.providers.vad.silero import SileroVad  # noqa: PLC0415

    async with AsyncExitStack() as stack:
        voice = local_voice(stack)
        ears = model_ears(SileroVad(locate("silero", settings) / "silero_vad.onnx"), local_recognizer(settings))
        brain = flow_brain(load_flow(None), load_facts(None))
        openai = OpenAiDouble(ChatDouble(brain), SpeechDouble(voice), RealtimeDouble(ears, brain=brain, voice=voice))
        yield Clouds(
            await stack.enter_async_context(DeepgramDouble(ears).serve()),
            await stack.enter_async_context(openai.serve()),
            await stack.enter_async_context(ElevenLabsDouble(voice).serve()),
        )


def settings_for(clouds: Clouds) -> str:
    """An `offhook.toml` of an agent that uses them, with local models behind each."""
    return f"""\
[agents.reception]
stt = ["deepgram", "whisper"]
llm = ["openai", "flow"]
tts = ["elevenlabs", "hibari"]

[stt.deepgram]
base_url = "{clouds.deepgram}"

[llm.openai]
base_url = "{clouds.openai}"

[tts.elevenlabs]
base_url = "{clouds.elevenlabs}"

[realtime.openai]
base_url = "{clouds.openai}"
"""
