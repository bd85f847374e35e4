"""The doubles of the vendors that agents hear, answer and speak with, on one set of addresses."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from offhook.providers.tts.base import Synthesizer
from offhook.simulator.clouds.deepgram import DeepgramDouble
from offhook.simulator.clouds.ears import EarFactory
from offhook.simulator.clouds.elevenlabs import ElevenLabsDouble
from offhook.simulator.clouds.openai import OpenAiDouble
from offhook.simulator.clouds.openai_chat import ChatDouble, ChatReply, ChatRequest, ScriptedCall
from offhook.simulator.clouds.openai_realtime import RealtimeDouble
from offhook.simulator.clouds.openai_speech import SpeechDouble
from tests.acceptance.town import VENDOR_KEY

__all__ = ["Vendors", "receptionist", "vendors_with"]

# The doubles hear with a model of their own, on a machine that may be busy.
_PROVIDERS = """
[stt.nova]
kind = "deepgram"
base_url = "{deepgram}"
stall_ms = 10000
[stt.flux]
kind = "deepgram"
base_url = "{deepgram}"
stall_ms = 10000
model = "flux-general-en"
[stt.openai]
base_url = "{openai}"
stall_ms = 10000
[llm.openai]
base_url = "{openai}"
[tts.elevenlabs]
base_url = "{elevenlabs}"
[tts.openai]
base_url = "{openai}"
"""


@dataclass(frozen=True)
class Vendors:
    """What the doubles were asked, and `settings`: tables of providers that lead to them."""

    deepgram: DeepgramDouble
    realtime: RealtimeDouble
    chat: ChatDouble
    speech: SpeechDouble
    elevenlabs: ElevenLabsDouble
    settings: str


def receptionist(request: ChatRequest) -> ChatReply:
    """A brain that knows a few words, and does what they ask for."""
    if request.messages[-1]["role"] == "tool":
        return ChatReply("That did not work, I am sorry.")
    said = request.last_text.lower()
    if "bye" in said:
        return ChatReply("Thank you for calling. Goodbye.", (ScriptedCall("end_call", {"reason": "goodbye"}),))
    if "office" in said:
        told = "I will put you through to the office now."
        return ChatReply(told, (ScriptedCall("transfer_call", {"to": "office"}),))
    if "desk" in said:
        asking = ScriptedCall("transfer_call", {"to": "desk", "summary": "Somebody asks for the desk."})
        return ChatReply("One moment, I will ask them.", (asking,))
    if "hours" in said:
        return ChatReply("We are open from nine in the morning until five in the afternoon.")
    return ChatReply("I see. What else may I do for you?")


@asynccontextmanager
async def vendors_with(
    ears: EarFactory, voice: Synthesizer, rule: Callable[[ChatRequest], ChatReply] = receptionist
) -> AsyncIterator[Vendors]:
    """The doubles, which hear with `ears` and speak with `voice`."""
    deepgram, realtime = DeepgramDouble(ears, api_key=VENDOR_KEY), RealtimeDouble(ears, api_key=VENDOR_KEY)
    chat, speech = ChatDouble(rule, api_key=VENDOR_KEY), SpeechDouble(voice, api_key=VENDOR_KEY)
    elevenlabs = ElevenLabsDouble(voice, api_key=VENDOR_KEY)
    openai = OpenAiDouble(chat, speech, realtime, api_key=VENDOR_KEY)
    async with AsyncExitStack() as stack:
        settings = _PROVIDERS.format(
            deepgram=await stack.enter_async_context(deepgram.serve()),
            openai=await stack.enter_async_context(openai.serve()),
            elevenlabs=await stack.enter_async_context(elevenlabs.serve()),
        )
        yield Vendors(deepgram, realtime, chat, speech, elevenlabs, settings)
