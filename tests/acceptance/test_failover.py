"""Providers that fail in the middle of calls: another one goes on, and the first comes back when it is well."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray

from offhook.providers.stt.base import Transcript
from offhook.providers.vad.base import VadModel
from offhook.simulator.clips import render
from offhook.simulator.clouds.deepgram import DeepgramDouble
from offhook.simulator.clouds.ears import EarFactory, model_ears
from offhook.simulator.clouds.elevenlabs import ElevenLabsDouble
from offhook.simulator.clouds.media_stream import CARRIERS, Carrier, CloudCall
from offhook.simulator.clouds.openai_chat import ChatDouble, ChatReply, ChatRequest
from offhook.simulator.clouds.serving import Cut, Refuse, Stall
from offhook.simulator.equipment import Equipment
from offhook.simulator.scenario_files import parse_scenario
from tests.acceptance.town import VENDOR_KEY, Town, entries, opened, until

pytestmark = [pytest.mark.models, pytest.mark.asyncio(loop_scope="session")]

Fault = Refuse | Stall | Cut
Stage = Literal["stt", "llm", "tts"]
QUESTION = "Good morning, when are you open on a working day?"
ANSWER = "We are open from nine until five."
KINDS: dict[Stage, tuple[str, str]] = {
    "stt": ("deepgram", "whisper"),
    "llm": ("openai", "spare"),
    "tts": ("elevenlabs", "hibari"),
}
TROUBLES: dict[Stage, tuple[str, str]] = {
    "stt": ("transcription", "deepgram"),
    "llm": ("reply", "chat:"),
    "tts": ("speech", "elevenlabs"),
}
"""What is in trouble, and how a provider may be called that has no name of its own."""
STALL_MS, PATIENCE_MS = 4_000, 10_000
FAULTS: dict[str, Fault] = {"refuses": Refuse(503), "stalls": Stall(0), "dies": Cut(2)}
SOON_MS = 10_000
"""Much longer than a replacement takes, and a stall more than it does by default: this machine may be busy."""


class Health:
    """What goes wrong with every request from now on; nothing at first."""

    def __init__(self) -> None:
        self.fault: Fault | None = None

    def __iter__(self) -> Iterator[Fault | None]:
        return self

    def __next__(self) -> Fault | None:
        return self.fault


class Reader:
    """Recognises the question in whatever sounds, so that no time is lost on a busy machine."""

    name = "reader"

    async def transcribe(
        self, audio: NDArray[np.float32], *, language: str = "en", among: Sequence[str] = ()
    ) -> Transcript:
        return Transcript(QUESTION, 1.0)


@dataclass(frozen=True)
class Patient:
    """An agent whose first provider of one stage will fail. `asked` counts what that provider was asked."""

    stage: Stage
    how: str
    number: str
    carrier: Carrier
    health: Health
    asked: Callable[[], int]

    @property
    def name(self) -> str:
        return f"{self.stage}_{self.how}"


@dataclass(frozen=True)
class Ward:
    town: Town
    patients: list[Patient]
    question: bytes


def table(stage: Stage, name: str, kind: str, url: str) -> str:
    return f'[{stage}.{name}]\nkind = "{kind}"\nbase_url = "{url}"\nstall_ms = {STALL_MS}\n'


def agent(patient: Patient) -> str:
    """Its settings: the sick provider in front of a healthy one in its stage, and healthy ones in the others."""
    lists = {stage: [spare] for stage, (_, spare) in KINDS.items()}
    lists[patient.stage].insert(0, patient.name)
    lines = [f"{stage} = {names}" for stage, names in lists.items()]
    route = f'[[routes]]\nagent = "{patient.name}"\nto = "{patient.number}"\n'
    return "\n".join([f"[agents.{patient.name}]", 'greeting = "Good morning."', *lines, route])


async def doubled(
    stage: Stage, health: Health, ears: EarFactory, equipment: Equipment, stack: AsyncExitStack
) -> tuple[str, Callable[[], int]]:
    """A double with this health: its address, and how often it was asked."""

    async def at(double: AbstractAsyncContextManager[str]) -> str:
        return await stack.enter_async_context(double)

    def answer(request: ChatRequest) -> ChatReply:
        return ChatReply(ANSWER, fault=health.fault)

    if stage == "stt":
        deepgram = DeepgramDouble(ears, api_key=VENDOR_KEY, faults=health)
        return await at(deepgram.serve()), lambda: sum(bool(line.audio) for line in deepgram.lines)
    if stage == "llm":
        chat = ChatDouble(answer, api_key=VENDOR_KEY)
        return await at(chat.serve()), lambda: len(chat.requests)
    assert equipment.synthesizer is not None
    voice = ElevenLabsDouble(equipment.synthesizer, api_key=VENDOR_KEY, faults=health)
    return await at(voice.serve()), lambda: len(voice.spoken)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ward(
    tmp_path_factory: pytest.TempPathFactory, equipment: Equipment, detector: VadModel
) -> AsyncIterator[Ward]:
    async with AsyncExitStack() as stack:
        ears = model_ears(detector, Reader())
        patients, settings = [], [f"[stt.whisper]\nstall_ms = {PATIENCE_MS}\n"]
        for index, (stage, how) in enumerate((stage, how) for stage in KINDS for how in FAULTS):
            health = Health()
            url, asked = await doubled(stage, health, ears, equipment, stack)
            patient = Patient(stage, how, f"+1415555040{index}", CARRIERS[index % 3], health, asked)
            patients.append(patient)
            settings += [table(stage, patient.name, KINDS[stage][0], url), agent(patient)]
        spare, _ = await doubled("llm", Health(), ears, equipment, stack)
        settings.append(table("llm", "spare", "openai", spare))
        (clip,) = await render(
            parse_scenario(f'title = "t"\nsteps = [{{ say = "{QUESTION}" }}]'), equipment.synthesizer
        )
        assert clip is not None
        town = await stack.enter_async_context(opened(tmp_path_factory.mktemp("ward"), "".join(settings)))
        yield Ward(town, patients, clip.pcm.tobytes())


async def asked(ward: Ward, patient: Patient) -> CloudCall:
    """A call that asks one question and hears the answer: by keys, where ears do not matter."""
    call = ward.town.phone(patient.carrier, to=patient.number)
    await ward.town.heard(call)
    if patient.stage == "stt":
        call.phone.say(ward.question)
    else:
        call.phone.press("1")
        call.phone.press("#")
    await ward.town.heard(call, 2)
    await call.hang_up()
    return call


async def test_calls_go_on_without_a_provider(ward: Ward) -> None:
    for patient in ward.patients:
        patient.health.fault = FAULTS[patient.how]

    async def course(patient: Patient) -> CloudCall:
        call = await asked(ward, patient)
        patient.health.fault = None
        return call

    calls = await asyncio.gather(*map(course, ward.patients))
    for patient, call in zip(ward.patients, calls, strict=True):
        record = await ward.town.record_of(call)
        (trouble,) = entries(record, "CallTrouble")
        what, vendor = TROUBLES[patient.stage]
        assert trouble["what"] == what, patient.name
        assert trouble["detail"].startswith((patient.name, vendor))
        said = entries(record, "AgentSaid")[1]
        assert (said["heard"], said["interrupted"]) == (ANSWER, False), patient.name
        assert abs(said["start_ms"] - trouble["at_ms"]) < SOON_MS
        assert record["end_reason"] == "caller_hung_up"
        if patient.stage == "stt":
            assert "open" in entries(record, "CallerSaid")[0]["text"]


async def test_a_provider_that_is_well_again_is_asked_again(ward: Ward) -> None:
    before = {patient.name: patient.asked() for patient in ward.patients}
    for patient in ward.patients:
        await until(partial(recovered, ward.town.server.lines, patient.name), f"{patient.name} recovers")
    calls = await asyncio.gather(*(asked(ward, patient) for patient in ward.patients))
    for patient, call in zip(ward.patients, calls, strict=True):
        record = await ward.town.record_of(call)
        assert not entries(record, "CallTrouble"), patient.name
        assert entries(record, "AgentSaid")[1]["heard"] == ANSWER
        assert patient.asked() > before[patient.name], patient.name


def recovered(lines: list[str], name: str) -> bool:
    return any("a provider works again" in line and name in line for line in lines)
