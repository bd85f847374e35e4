"""A call of an agent that talks English and Spanish, each with ears, a voice, a brain and tools of its own."""

from pathlib import Path
from typing import Any, Literal

from offhook.calls.engines.pipeline import PipelineParts
from offhook.calls.engines.realtime_parts import RealtimeParts
from offhook.calls.speaker import Phrases
from offhook.config import AgentSettings
from offhook.providers.llm.base import ToolSpec
from offhook.providers.llm.failover import FailoverFactory
from offhook.providers.realtime.base import TurnDetection
from offhook.providers.standby import Standby
from offhook.providers.stt.base import Transcript
from offhook.providers.tts.failover import FailoverSynthesizer
from tests.calls.rig import Answer, Brain, Ears, Mouth, PaperTool, Rig, standby
from tests.calls.sessions import PaperProvider, SessionRig

__all__ = ["ENGLISH", "SPANISH", "TwoLanguages", "TwoSessions", "bilingual", "paper_tool"]

ENGLISH, SPANISH = {"en": 0.97, "es": 0.01}, {"en": 0.02, "es": 0.95}
_NOTHING = {"type": "object", "properties": {}}


def paper_tool(name: str, result: Any = None) -> PaperTool:
    return PaperTool(ToolSpec(name, "", _NOTHING), result)


def bilingual(detect: Literal["off", "first", "always"] = "off", **settings: Any) -> AgentSettings:
    """The agent in English."""
    spanish = {
        "greeting": "Buenos días.",
        "trouble_line": "Perdone.",
        "silence": {"ask_line": "¿Sigue ahí?"},
        "turns": {"silence_ms": 800},
    }
    own = {"greeting": "Hello there.", "detect_language": detect, "languages": {"es": spanish}}
    return AgentSettings.model_validate({**own, **settings})


class TwoLanguages(Rig):
    """A pipeline. `spanish` has the parts in that language; its recogniser is the same unless `ears` are given."""

    def __init__(
        self,
        folder: Path,
        *answers: Answer,
        agent: AgentSettings | None = None,
        spanish_answers: tuple[Answer, ...] = (),
        spanish_ears: Ears | None = None,
        **others: Any,
    ) -> None:
        tools = (paper_tool("look_up", {"free": []}), paper_tool("end_call"))
        super().__init__(folder, answers=answers, agent=agent or bilingual(), **{"tools": tools, **others})
        self.spanish_mouth, self.spanish_brain = Mouth("boca", level=3_000), Brain(spanish_answers, "cerebro")
        self.spanish_ears = spanish_ears or self.ears
        self.soft_mouth = Mouth("soft", level=500)
        self.parts = share(self, self.parts)

    async def hear(self, text: str, languages: dict[str, float], *, ms: int = 1_000, again: str = "") -> None:
        """The caller says something, which the ears take for `text`, and for `again` when they are asked again."""
        self.ears.texts.append(Transcript(text, 0.9, languages))
        if again:
            self.spanish_ears.texts.append(Transcript(again, 0.9, languages))
        await self.run(ms, b"\x40\x1f" * 160)
        await self.run(1_200)


def share(rig: TwoLanguages, english: PipelineParts) -> PipelineParts:
    siblings: dict[str, PipelineParts] = {}
    siblings["en"] = PipelineParts(
        rig.agent,
        english.ears,
        english.phrases,
        english.responders,
        english.tools,
        None,
        siblings,
        {"soft": Phrases(FailoverSynthesizer(standby(rig.soft_mouth)))},
    )
    siblings["es"] = PipelineParts(
        rig.agent.speaking("es"),
        english.ears if rig.spanish_ears is rig.ears else standby(rig.spanish_ears),
        Phrases(FailoverSynthesizer(standby(rig.spanish_mouth))),
        FailoverFactory(standby(rig.spanish_brain)),
        (paper_tool("buscar"), paper_tool("end_call")),
        "Hable con {name}.",
        siblings,
    )
    return siblings["en"]


class TwoSessions(SessionRig):
    """Speech-to-speech sessions; those of `spanish` are for that language."""

    def __init__(self, folder: Path, *, agent: AgentSettings | None = None, fallback: bool = False, **others: Any):
        tools = (paper_tool("look_up"), paper_tool("end_call"))
        agent = agent or bilingual(engine="realtime", voices=["ash"])
        super().__init__(folder, fallback=fallback, agent=agent, tools=tools, **others)
        self.spanish = PaperProvider("papel")
        self.providers = (*self.providers, self.spanish)
        self.spanish_mouth, self.spanish_brain = Mouth("boca"), Brain((), "cerebro")
        pipelines: dict[str, PipelineParts] = {}
        pipelines["en"] = PipelineParts(
            agent, self.hearing, self.phrases, FailoverFactory(self.thinking), tools, None, pipelines
        )
        pipelines["es"] = PipelineParts(
            agent.speaking("es"),
            self.hearing,
            Phrases(FailoverSynthesizer(standby(self.spanish_mouth))),
            FailoverFactory(standby(self.spanish_brain)),
            (paper_tool("buscar"),),
            "Hable con {name}.",
            pipelines,
        )
        self.parts = pipelines["en"]
        siblings: dict[str, RealtimeParts] = {}
        siblings["en"] = RealtimeParts(
            agent, Standby(self.watched), tools, pipelines["en"] if fallback else None, languages=siblings
        )
        siblings["es"] = RealtimeParts(
            agent.speaking("es"),
            standby(self.spanish),
            (paper_tool("buscar"),),
            pipelines["es"] if fallback else None,
            TurnDetection(silence_ms=800, interrupts=False),
            None,
            "Hable con {name}.",
            siblings,
        )
        self.realtime_parts = siblings["en"]
