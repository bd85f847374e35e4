"""One server for all calls of the carriers, with an agent for each number; and the voice and ears of callers."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from offhook.config import Settings
from offhook.config_files import load_settings
from offhook.providers.models import locate
from offhook.providers.vad.base import VadModel
from offhook.simulator.clouds.ears import EarFactory, model_ears
from offhook.simulator.equipment import Equipment, local_equipment
from tests.acceptance.town import Town, opened
from tests.acceptance.vendors import Vendors, vendors_with

NUMBERS = {
    "nova": "+14155550101",
    "flux": "+14155550102",
    "openai": "+14155550103",
    "aide": "+14155550104",
}
AGENTS = """
[server]
log_level = "debug"
[limits]
max_calls = 60
[agents.reception]
[agents.nova]
greeting = "Hello, this is the cloud."
stt = ["nova"]
llm = ["openai"]
tts = ["elevenlabs"]
[agents.flux]
greeting = "Hello, this is the cloud."
stt = ["flux"]
llm = ["openai"]
tts = ["elevenlabs"]
[agents.openai]
greeting = "Hello, this is the cloud."
stt = ["openai"]
llm = ["openai"]
tts = ["openai"]
[agents.aide]
greeting = "Hello and welcome to the office of Miller and Sons where we will help you on this fine and sunny day."
llm = ["openai"]
tts = ["elevenlabs"]
transfers = { office = "+14155550177", desk = { to = "+14155550166", warm = true } }
[agents.caller]
greeting = "Hello {name}, this is Miller and Sons."
instructions = "You talk to {name} about {topic}."
llm = ["openai"]
tts = ["elevenlabs"]
[agents.messenger]
greeting = "Hello {name}, this is Miller and Sons."
llm = ["openai"]
tts = ["elevenlabs"]
machine = "leave_message"
machine_message = "Hello {name}, please call Miller and Sons back."
[plivo]
machine_detection = "own"
"""


def routes() -> str:
    """A number for each agent; any other number is the first one's."""
    return "".join(f'[[routes]]\nagent = "{agent}"\nto = "{number}"\n' for agent, number in NUMBERS.items())


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def equipment() -> AsyncIterator[Equipment]:
    """What synthetic callers speak and listen with."""
    async with local_equipment(load_settings(None), voice=True, transcribe=True) as equipment:
        yield equipment


@pytest.fixture(scope="session")
def detector() -> VadModel:
    """What tells the doubles of recognisers that there is a voice."""
    from offhook.providers.vad.silero import SileroVad

    return SileroVad(locate("silero", Settings()) / "silero_vad.onnx")


@pytest.fixture(scope="session")
def ears(detector: VadModel) -> Iterator[EarFactory]:
    """What the doubles of recognisers hear with: the local models."""
    from offhook.providers.stt.whisper import WhisperRecognizer

    whisper = WhisperRecognizer(locate("whisper-base", Settings()), name="whisper-base")
    yield model_ears(detector, whisper)
    whisper.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def vendors(equipment: Equipment, ears: EarFactory) -> AsyncIterator[Vendors]:
    """The doubles of the vendors behind `town`."""
    assert equipment.synthesizer is not None
    async with vendors_with(ears, equipment.synthesizer) as vendors:
        yield vendors


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def town(tmp_path_factory: pytest.TempPathFactory, vendors: Vendors) -> AsyncIterator[Town]:
    """The server and its three carriers."""
    async with opened(tmp_path_factory.mktemp("town"), AGENTS + vendors.settings + routes()) as town:
        yield town
