"""All doubles of providers at once, on the local models, and a carrier's: for trying an agent without any key."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import numpy as np

from offhook.audio.resample import resample
from offhook.config import Settings
from offhook.config.tools import BUILTIN_TOOLS
from offhook.providers.llm.flow import load_facts, load_flow
from offhook.providers.models import locate
from offhook.providers.tts.base import Synthesizer
from offhook.simulator.clouds.deepgram import DeepgramDouble
from offhook.simulator.clouds.ears import model_ears
from offhook.simulator.clouds.elevenlabs import ElevenLabsDouble
from offhook.simulator.clouds.elevenlabs_agent import VendorAgent
from offhook.simulator.clouds.elevenlabs_agents import AgentsDouble
from offhook.simulator.clouds.flow_brain import flow_brain
from offhook.simulator.clouds.gemini_live import GeminiDouble
from offhook.simulator.clouds.media_stream import Carrier, CarrierCloud
from offhook.simulator.clouds.media_stream.callees import answers
from offhook.simulator.clouds.openai import OpenAiDouble
from offhook.simulator.clouds.openai_chat import ChatDouble
from offhook.simulator.clouds.openai_live import LiveDouble
from offhook.simulator.clouds.openai_realtime import RealtimeDouble
from offhook.simulator.clouds.openai_speech import SpeechDouble
from offhook.simulator.equipment import local_recognizer, local_voice
from offhook.simulator.speech import whole_speech

__all__ = ["Clouds", "keys_for", "settings_for", "standing"]

_STAYS_S = 20.0
_AGENT = "agent_double"


@dataclass(frozen=True, slots=True)
class Clouds:
    """The doubles' addresses; `carrier` is None where only the providers stand."""

    deepgram: str
    openai: str
    elevenlabs: str
    gemini: str
    carrier: CarrierCloud | None = None


@asynccontextmanager
async def standing(settings: Settings, carrier: Carrier | None = None) -> AsyncIterator[Clouds]:
    """Deepgram, OpenAI, ElevenLabs with an agent, and Gemini on free ports, where they take any key; and `carrier`,
    through which whoever is called answers. Raises ModelError."""
    # In the extra `local`, like the other models.
    from offhook.providers.vad.silero import SileroVad  # noqa: PLC0415

    async with AsyncExitStack() as stack:
        voice = local_voice(stack)
        ears = model_ears(SileroVad(locate("silero", settings) / "silero_vad.onnx"), local_recognizer(settings))
        brain = flow_brain(load_flow(None), load_facts(None))
        openai = OpenAiDouble(
            ChatDouble(brain),
            SpeechDouble(voice),
            RealtimeDouble(ears, brain=brain, voice=voice),
            LiveDouble(ears, brain=brain, voice=voice),
        )
        agents = AgentsDouble(
            ears, brain=brain, voice=voice, playback=0.9, agents={_AGENT: VendorAgent(tools=BUILTIN_TOOLS)}
        )
        yield Clouds(
            await stack.enter_async_context(DeepgramDouble(ears).serve()),
            await stack.enter_async_context(openai.serve()),
            await stack.enter_async_context(ElevenLabsDouble(voice, agents=agents).serve()),
            await stack.enter_async_context(GeminiDouble(ears, brain=brain, voice=voice, playback=0.9).serve()),
            await stack.enter_async_context(_cloud(carrier, voice)) if carrier else None,
        )


@asynccontextmanager
async def _cloud(carrier: Carrier, voice: Synthesizer) -> AsyncIterator[CarrierCloud]:
    hello = await whole_speech(voice, "Hello?")
    pcm = resample(hello.samples.astype(np.dtype("<i2")).tobytes(), hello.rate, 8_000)
    async with CarrierCloud(carrier) as cloud:
        cloud.everybody(answers(speech=pcm, stays_s=_STAYS_S))
        yield cloud


def settings_for(clouds: Clouds) -> str:
    """An `offhook.toml` of an agent that uses them, with local models behind each."""
    cloud = clouds.carrier
    carrier = (
        ""
        if cloud is None
        else f"""\

[{cloud.dialect.carrier}]
api_url = "{cloud.api_url}"
from_number = "+15550199"
"""
    )
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

[realtime.gemini]
base_url = "{clouds.gemini}"

[realtime.openai-live]
base_url = "{clouds.openai}"

[realtime.elevenlabs]
base_url = "{clouds.elevenlabs}"
agent_id = "{_AGENT}"
{carrier}"""


def keys_for(clouds: Clouds) -> dict[str, str]:
    """What belongs into `.env` with it. The public address is that of a server with default settings."""
    keys = dict.fromkeys(("DEEPGRAM_API_KEY", "OPENAI_API_KEY", "ELEVENLABS_API_KEY", "GEMINI_API_KEY"), "any")
    cloud = clouds.carrier
    if cloud is None:
        return keys
    name = cloud.dialect.carrier.upper()
    account = "ACCOUNT_SID" if cloud.dialect.twilio else "AUTH_ID"
    return keys | {
        f"{name}_{account}": cloud.account.id,
        f"{name}_AUTH_TOKEN": cloud.account.token,
        "PUBLIC_URL": "http://127.0.0.1:8000",
    }
