"""What a synthetic caller can do: one small model a kind of step, named by the key that begins it."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from offhook.simulator.phrases import phrase_problem

__all__ = [
    "STEPS",
    "Backchannel",
    "Cough",
    "Dtmf",
    "ExpectHangup",
    "HangUp",
    "Interrupt",
    "Mumble",
    "Phrases",
    "Play",
    "Say",
    "Silence",
    "Step",
    "WaitForAgent",
    "step_model",
]


def _checked(phrase: str) -> str:
    if problem := phrase_problem(phrase):
        raise ValueError(f'"{phrase}" {problem}')
    return phrase


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Phrases = Annotated[tuple[Annotated[str, AfterValidator(_checked)], ...], BeforeValidator(_as_tuple)]
Words = Annotated[str, Field(min_length=1)]
Ms = Annotated[int, Field(ge=0, le=600_000)]
Seconds = Annotated[float, Field(gt=0, le=600)]


class _Step(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Say(_Step):
    """Say a text, at once."""

    say: Words


class Play(_Step):
    """Play a WAV file, at once; a relative path starts at the scenario's folder."""

    play: Path
    text: str = Field("", description="what is said in it, for the printed conversation")


class WaitForAgent(_Step):
    """Wait until the agent begins to speak, or has finished; then check what it said."""

    wait_for_agent: Literal["begin", "finish"]
    matching: Phrases = Field((), description="go on waiting until the agent has said all of these")
    timeout_s: Seconds = 15.0
    agent_says: Phrases = Field((), description="all of these must be in what it says; does not hold up the caller")
    agent_does_not_say: Phrases = ()
    reply_within_ms: Ms | None = Field(None, description="from the caller's last sound to the agent's first")


class Interrupt(_Step):
    """Talk over the agent: say a text once the agent has been speaking for a while."""

    interrupt: Words
    after_ms: Ms = Field(1_000, description="agent speech before the caller begins")
    stop_within_ms: Ms | None = Field(None, description="from the caller's first sound to the agent's last")
    timeout_s: Seconds = 15.0


class _Aside(_Step):
    after_ms: Ms = Field(1_000, description="agent speech before the caller's sound; 0 does not wait for the agent")
    agent_resumes: bool = Field(True, description="check that the agent goes on talking")
    resumes_within_ms: Ms = 2_500
    timeout_s: Seconds = 15.0


class Backchannel(_Aside):
    """Make a small sound of listening ("mm-hm") while the agent speaks."""

    backchannel: Words


class Cough(_Aside):
    """Cough, or bump the phone, while the agent speaks."""

    cough: Literal[True]
    level_db: float = Field(-18.0, ge=-60, le=-3, description="RMS of the burst in dBFS")


class Silence(_Step):
    """Say nothing for a while."""

    silence_s: Seconds


class Mumble(_Step):
    """Make speech that nobody could understand."""

    mumble_s: Seconds


class Dtmf(_Step):
    """Press keys on the keypad."""

    dtmf: Annotated[str, Field(pattern=r"^[0-9*#A-D ]+$")]
    gap_ms: Annotated[int, Field(ge=40, le=5_000)] = 250


class HangUp(_Step):
    """Hang up."""

    hang_up: Literal[True]


class ExpectHangup(_Step):
    """Wait until the agent hangs up."""

    expect_hangup: Literal[True]
    timeout_s: Seconds = 30.0


Step = Say | Play | WaitForAgent | Interrupt | Backchannel | Cough | Silence | Mumble | Dtmf | HangUp | ExpectHangup

STEPS: Mapping[str, type[_Step]] = {
    "say": Say,
    "play": Play,
    "wait_for_agent": WaitForAgent,
    "interrupt": Interrupt,
    "backchannel": Backchannel,
    "cough": Cough,
    "silence_s": Silence,
    "mumble_s": Mumble,
    "dtmf": Dtmf,
    "hang_up": HangUp,
    "expect_hangup": ExpectHangup,
}


def step_model(table: Mapping[str, Any]) -> type[_Step]:
    """The model of a step as an author wrote it. Raises ValueError with a remedy."""
    found = [key for key in STEPS if key in table]
    if len(found) == 1:
        return STEPS[found[0]]
    if found:
        raise ValueError(f"a step does one thing, this one has {' and '.join(found)}; make them separate steps")
    close = get_close_matches(next(iter(table), ""), STEPS, 1)
    remedy = f'did you mean "{close[0]}"?' if close else f"begin it with one of {', '.join(STEPS)}"
    raise ValueError(f"this step does nothing; {remedy}")
