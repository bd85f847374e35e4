"""Settings of agents: who answers, with what, and how turns are taken."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from offhook.config.base import Section, TableName, wrong
from offhook.config.languages import LanguageCode
from offhook.config.tools import USUAL_TOOLS

if TYPE_CHECKING:
    from offhook.config.overlays import AgentOverlay

__all__ = ["AgentSettings", "BriefingSettings", "SilenceSettings", "TransferSettings", "TurnSettings"]


class TurnSettings(Section):
    """When the caller's turn begins and ends."""

    vad_threshold: float = Field(0.5, gt=0, lt=1, description="speech begins at this probability")
    vad_stay: float = Field(
        default_factory=lambda known: min(0.35, known["vad_threshold"]),
        gt=0,
        lt=1,
        description="and goes on down to this one; follows a lower vad_threshold if not set",
    )
    silence_ms: int = Field(500, ge=100, le=5_000, description="silence that ends the caller's turn")
    speculate_ms: int = Field(
        default_factory=lambda known: min(200, known["silence_ms"]),
        ge=60,
        le=2_000,
        description="silence after which transcription starts; follows a shorter silence_ms if not set",
    )
    unfinished_ms: int = Field(
        default_factory=lambda known: max(1_200, known["silence_ms"]),
        ge=100,
        le=10_000,
        description="the same as silence_ms, after words that expect more; follows a longer one if not set",
    )
    prefix_padding_ms: int = Field(300, ge=0, le=2_000, description="audio kept from before speech was detected")
    barge_in: bool = Field(True, description="whether callers can interrupt the agent")
    barge_in_ms: int = Field(700, ge=100, le=5_000, description="speech this long interrupts, whatever its words")
    judge_ms: int = Field(
        800, ge=300, le=5_000, description="silence after a short sound over the agent until it goes on, judged or not"
    )
    early_reply: bool = Field(
        True,
        description="let the language model begin before the turn is surely over",
    )
    backchannels: tuple[str, ...] = Field(
        (
            "mm-hm",
            "mhm",
            "mm",
            "uh-huh",
            "uh huh",
            "right",
            "okay",
            "ok",
            "yeah",
            "yep",
            "yes",
            "sure",
            "i see",
            "got it",
        ),
        description="words that do not interrupt the agent",
    )

    @model_validator(mode="after")
    def _ordered(self) -> "TurnSettings":
        if self.vad_stay > self.vad_threshold:
            raise wrong(f"{self.vad_stay} is above vad_threshold, which is {self.vad_threshold}", "vad_stay")
        if self.speculate_ms > self.silence_ms:
            raise wrong(f"{self.speculate_ms} is above silence_ms, which is {self.silence_ms}", "speculate_ms")
        if self.unfinished_ms < self.silence_ms:
            raise wrong(f"{self.unfinished_ms} is below silence_ms, which is {self.silence_ms}", "unfinished_ms")
        return self


class SilenceSettings(Section):
    """What happens when the caller says nothing, or will not stop."""

    ask_after_s: float = Field(8.0, gt=0, description="silence after which the agent asks")
    ask_line: str = Field("Are you still there?", description="what it asks")
    hang_up_after_s: float = Field(8.0, gt=0, description="further silence after which it hangs up")
    goodbye_line: str = Field(
        "I can't hear you, so I will hang up now. Please call again. Goodbye.", description="what it says before that"
    )
    max_duration_s: float = Field(900.0, gt=0, description="the longest a call may last")
    max_duration_line: str = Field(
        "I am sorry, we have reached the time limit of this call. Thank you for calling. Goodbye.",
        description="what the caller hears then",
    )
    wrap_up_s: float = Field(
        default_factory=lambda known: min(30.0, known["max_duration_s"] / 2),
        ge=0,
        description="so long before that the agent is told to come to an end, 0 for never; follows a short limit",
    )
    wrap_up_line: str = Field(
        "I am afraid that our time on this call is almost up. Let us come to an end.",
        description="what an agent that follows a script says then; a language model finds its own words",
    )

    @model_validator(mode="after")
    def _wraps_up_in_time(self) -> "SilenceSettings":
        if self.wrap_up_s >= self.max_duration_s:
            raise wrong(
                f"{self.wrap_up_s:g} is not below max_duration_s, which is {self.max_duration_s:g}", "wrap_up_s"
            )
        return self


class TransferSettings(Section):
    """A place that an agent may transfer callers to. In a file its number alone will do."""

    to: str = Field(
        description="number or address of the place; alone it may stand in the place of this table",
        examples=["+15550100"],
    )
    warm: bool = Field(False, description="ask there first whether the call is taken, while the caller hears music")
    ring_s: int = Field(25, ge=5, le=120, description="how long it rings there then")

    @model_validator(mode="before")
    @classmethod
    def _number_alone(cls, given: Any) -> Any:
        return {"to": given} if isinstance(given, str) else given


class BriefingSettings(Section):
    """What a person hears who is asked to take over a call."""

    line: str = Field("There is a caller on the line for you. {summary}", description="what it is about, first of all")
    ask_line: str = Field("To take the call, press one. To decline, press two.", description="the question; said twice")
    wait_s: float = Field(6.0, ge=1, le=60, description="how long an answer is waited for, each time")
    declined_line: str = Field("All right. Goodbye.", description="said to who declines, or does not answer")
    gone_line: str = Field(
        "I am sorry, the caller cannot be connected any more. Goodbye.", description="said when the caller is gone"
    )


class AgentSettings(Section):
    """Who answers."""

    greeting: str = Field(
        "Hello, thanks for calling {business}. How can I help you?",
        description="the agent's first words; {business} is its name in the facts",
    )
    instructions: str = Field("", description="for a language model: who the agent is and what it must do")
    engine: Literal["pipeline", "realtime", "loopback"] = Field(
        "pipeline", description="pipeline, realtime, or loopback to hear yourself when testing a line"
    )
    realtime: tuple[str, ...] = Field(
        ("openai",),
        min_length=1,
        description="who hears, answers and speaks, best first: openai, gemini, openai-live, elevenlabs or tables",
    )
    realtime_fallback: bool = Field(
        True, description="let stt, llm and tts take over a call when nobody in realtime can go on"
    )
    stt: tuple[str, ...] = Field(
        ("whisper",),
        min_length=1,
        description="who hears, best first: whisper, deepgram, openai or stt tables",
    )
    llm: tuple[str, ...] = Field(
        ("flow",), min_length=1, description="who answers, best first: flow, openai or llm tables"
    )
    tts: tuple[str, ...] = Field(
        ("hibari",),
        min_length=1,
        description="who speaks, best first: hibari, elevenlabs, openai or tts tables",
    )
    flow: Path | None = Field(
        None, description="a flow file; the built-in receptionist if not set", examples=["flow.toml"]
    )
    facts: Path | None = Field(
        None, description="a facts file; the built-in example if not set", examples=["facts.toml"]
    )
    trouble_line: str = Field(
        "I am sorry, something went wrong here. Could you say that again?", description="said when a model fails"
    )
    filler_lines: tuple[str, ...] = Field(
        (
            "One moment, please.",
            "I am still working on it.",
            "Thank you for waiting, it is taking a little longer.",
        ),
        description="said in turn while a tool takes long, or a realtime model is replaced",
    )
    measure_vad: bool = Field(False, description="let the loopback engine run the voice detector too")
    language: LanguageCode = Field("en", description="what callers speak")
    languages: dict[LanguageCode, "AgentOverlay"] = Field(default_factory=dict, examples=["es"])
    detect_language: Literal["off", "first", "always"] = Field(
        "off",
        description="answer in the language that the caller is heard to speak, of those in languages: off, first (by "
        "the first words) or always",
    )
    voice: str = Field("heart", description="name of the voice that speaks")
    voices: tuple[TableName, ...] = Field(
        (), description="names that the voice may be changed to in a call: tts tables, or voices of the realtime model"
    )
    speed: float = Field(1.0, ge=0.5, le=2.0, description="how fast it speaks; 1.0 is natural")
    timezone: str = Field("", description="IANA name; the machine's own if not set")
    tools: tuple[str, ...] = Field(
        USUAL_TOOLS, description="what the agent can do besides talking: names of built-in tools, tools or mcp tables"
    )
    tool_timeout_s: float = Field(
        3.0, gt=0, le=300, description="how long a tool may take that has no limit of its own"
    )
    code: Path | None = Field(None, description="a Python file with tools of your own", examples=["agent.py"])
    dispositions: tuple[str, ...] = Field(
        (),
        description="words for how a call went, one of which the agent chooses when it hangs up",
        examples=[["sale", "callback", "wrong_number"]],
    )
    goodbye_line: str = Field(
        "Thank you for calling. Goodbye.", description="said by an agent that hangs up without a word"
    )
    hold_music: Path | None = Field(
        None, description="a WAV file for callers on hold; a tune of our own if not set", examples=["hold.wav"]
    )
    transfers: dict[str, TransferSettings] = Field(
        {}, description="places the agent may transfer callers to, by their names", examples=["sales"]
    )
    briefing: BriefingSettings = BriefingSettings()
    machine: Literal["hang_up", "leave_message", "talk"] = Field(
        "hang_up", description="when a machine answers an outbound call: hang_up, leave_message or talk"
    )
    machine_message: str = Field("", description="the message that is left then")
    max_calls: int = Field(
        0, ge=0, le=10_000, description="calls that it takes at the same time; 0 for no limit of its own"
    )
    busy_agent: str = Field("", description="who answers the calls beyond max_calls; nobody if not set")
    busy_line: str = Field("", description="what a caller hears where nobody does; limits.busy_line if not set")
    turns: TurnSettings = TurnSettings()
    silence: SilenceSettings = SilenceSettings()

    @property
    def uses_pipeline(self) -> bool:
        """Whether recognisers, responders and voices answer its calls, or may have to."""
        return self.engine == "pipeline" or (self.engine == "realtime" and self.realtime_fallback)

    @property
    def uses_voice_detection(self) -> bool:
        """Whether the voice detector listens to its calls."""
        return self.engine in ("pipeline", "realtime") or self.measure_vad

    @property
    def consults(self) -> bool:
        """Whether it asks people whether they take a call over, for which it needs a voice."""
        return self.engine != "loopback" and any(place.warm for place in self.transfers.values())

    @property
    def every_voice(self) -> tuple[str, ...]:
        """What may speak in its calls, of the tables of voices."""
        return (*self.tts, *self.voices) if self.engine == "pipeline" else self.tts

    @property
    def spoken(self) -> tuple[str, ...]:
        """The languages that it speaks, its own first."""
        return self.language, *self.languages

    def speaking(self, code: str) -> "AgentSettings":
        """The same in one of its `languages`. Raises pydantic's ValidationError where the settings do not fit."""
        overlay = self.languages[code]
        return self.under(overlay).model_copy(update={"language": code})

    def under(self, overlay: "AgentOverlay") -> "AgentSettings":
        """These settings, with those of `overlay` in the place of ours. What is not set in either follows what is.

        Raises pydantic's ValidationError where they do not fit together."""
        return AgentSettings.model_validate(_merged(self.model_dump(exclude_unset=True), overlay.changes))

    @model_validator(mode="after")
    def _message_is_there(self) -> "AgentSettings":
        if self.machine == "leave_message" and not self.machine_message:
            raise wrong("a message is needed, since machine is leave_message", "machine_message")
        return self


def _merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`changes` over `values`: the sections one setting at a time, anything else as a whole."""
    merged = {**values, **changes}
    for name, field in AgentSettings.model_fields.items():
        if name in merged and isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            merged[name] = {**values.get(name, {}), **changes.get(name, {})}
    return merged
