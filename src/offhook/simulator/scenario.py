"""A scenario: who calls, over what line, what they do, and what must come of it."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr

from offhook.simulator.steps import Phrases, Step, step_model

__all__ = ["AgentEar", "CallerVoice", "Expectations", "Line", "LineFormat", "Scenario"]

LineFormat = Literal["slin", "slin12", "slin16", "slin24", "slin48"]
LINE_RATES: dict[str, int] = {"slin": 8_000, "slin12": 12_000, "slin16": 16_000, "slin24": 24_000, "slin48": 48_000}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CallerVoice(_Part):
    """How the caller sounds. The default differs from the agent's voice, which is the same synthesiser."""

    pitch: float = Field(0.86, ge=0.7, le=1.4, description="1.0 is the synthesiser's own voice")
    speed: float = Field(1.05, ge=0.6, le=1.6)
    level_db: float = Field(-22.0, ge=-50, le=-6, description="RMS of the speech in dBFS")
    seed: int = Field(1, description="same seed, same call: voice, noise and losses")


class Line(_Part):
    """The phone line, as Asterisk would carry it over AudioSocket."""

    format: LineFormat = "slin"
    noise_db: float | None = Field(None, ge=-90, le=-15, description="level of steady noise in dBFS")
    snr_db: float | None = Field(None, ge=0, le=60, description="the same, said as dB below the caller's speech")
    loss_percent: float = Field(0.0, ge=0, le=50, description="frames that never arrive")
    loss_burst: float = Field(1.0, ge=1, le=50, description="mean number of frames lost together")

    @property
    def rate(self) -> int:
        """Sample rate in Hz."""
        return LINE_RATES[self.format]


class AgentEar(_Part):
    """How the caller listens to the agent."""

    pause_ms: int = Field(700, ge=200, le=5_000, description="silence after which the agent has finished speaking")
    audible_db: float = Field(-50.0, ge=-80, le=-20, description="anything below it is silence, in dBFS")


class Expectations(_Part):
    """What must be true of the whole call."""

    agent_says: Phrases = ()
    agent_never_says: Phrases = ()
    ended_by: Literal["agent", "caller", "any"] = "any"
    min_turns: int = Field(0, ge=0)
    reply_within_ms: int | None = Field(None, ge=0, description="every reply")
    median_reply_ms: int | None = Field(None, ge=0)
    stop_within_ms: int | None = Field(None, ge=0, description="every interruption")
    max_silence_s: float | None = Field(None, gt=0, description="longest stretch in which nobody makes a sound")
    max_duration_s: float | None = Field(None, gt=0)


def _one_step(value: Any) -> Any:
    return step_model(value).model_validate(value) if isinstance(value, dict) else value


class Scenario(_Part):
    """One scripted phone call."""

    title: str
    about: str = ""
    max_duration_s: float = Field(180.0, gt=0, le=3_600, description="the caller gives up after this long")
    caller: CallerVoice = CallerVoice()
    line: Line = Line()
    agent: AgentEar = AgentEar()
    steps: tuple[Annotated[Step, BeforeValidator(_one_step)], ...] = Field(min_length=1)
    expect: Expectations = Expectations()

    _file: Path | None = PrivateAttr(default=None)

    @property
    def name(self) -> str:
        """Name of the file, without its ending; the title of a scenario that came from none."""
        return self._file.stem if self._file else self.title

    def path(self, relative: Path) -> Path:
        """A file that the scenario names, found from the scenario's own folder."""
        return relative if self._file is None else self._file.parent / relative

    def from_file(self, file: Path) -> "Scenario":
        """This scenario, knowing where it came from."""
        self._file = file
        return self
