"""What the caller will say, made before the call begins, so that synthesis never disturbs its pace."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from offhook.audio.files import read_wav
from offhook.errors import AudioError, ConfigError
from offhook.providers.tts.base import Synthesizer
from offhook.simulator.scenario import CallerVoice, Scenario
from offhook.simulator.sound import Pcm, Samples, as_float, as_pcm, at_level, band, edges, resampled
from offhook.simulator.speech import whole_speech
from offhook.simulator.steps import Backchannel, Cough, Interrupt, Mumble, Play, Say, Step

__all__ = ["Clip", "needs_voice", "render", "sound_clip"]

EDGE_DB = -50.0
MUMBLE_TEXT = "the weather over there was rather nice when we were sailing along the river all morning"
LEAD_S = 0.02
TAIL_S = 0.06


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Sound at the rate of a line. `onset` is its first audible sample, `end` the one after the last."""

    text: str
    pcm: Pcm
    onset: int
    end: int


def needs_voice(scenario: Scenario) -> bool:
    """Whether the scenario has words that must be synthesised."""
    return any(isinstance(step, Say | Interrupt | Backchannel | Mumble) for step in scenario.steps)


async def render(scenario: Scenario, synthesizer: Synthesizer | None) -> tuple[Clip | None, ...]:
    """The clip of each step of `scenario`, None for steps that make no sound.

    Raises ConfigError for a file that cannot be played, ProviderError where the voice fails.
    """
    return tuple([await _step_clip(step, scenario, synthesizer) for step in scenario.steps])


async def _step_clip(step: Step, scenario: Scenario, synthesizer: Synthesizer | None) -> Clip | None:
    rate, voice = scenario.line.rate, scenario.caller
    match step:
        case Play():
            return _file_clip(scenario.path(step.play), step.text, rate)
        case Cough():
            return sound_clip("(cough)", cough(rate, voice.seed), rate, step.level_db)
        case Mumble():
            samples = mumbled(await _spoken(MUMBLE_TEXT, voice, rate, synthesizer), rate, step.mumble_s)
            return sound_clip("(mumbles)", samples, rate, voice.level_db)
        case Say(say=text) | Interrupt(interrupt=text) | Backchannel(backchannel=text):
            return sound_clip(text, await _spoken(text, voice, rate, synthesizer), rate, voice.level_db)
        case _:
            return None


def sound_clip(text: str, samples: Samples, rate: int, level: float) -> Clip:
    """A clip of `samples` at `level` dBFS, silence at both ends cut down to a moment."""
    pcm = as_pcm(at_level(samples, level))
    onset, end = edges(pcm, EDGE_DB)
    start, stop = max(0, onset - int(LEAD_S * rate)), end + int(TAIL_S * rate)
    return Clip(text, pcm[start:stop], onset - start, end - start)


async def _spoken(text: str, voice: CallerVoice, rate: int, synthesizer: Synthesizer | None) -> Samples:
    if synthesizer is None:
        raise ValueError("this scenario has words to say and needs a synthesizer")
    # Played at another rate the voice changes pitch and pace together; the synthesiser makes up for the pace.
    speed = min(2.0, max(0.5, voice.speed / voice.pitch))
    speech = await whole_speech(synthesizer, text, speed=speed)
    low, high = phone_band(rate)
    return resampled(as_float(speech.samples), rate / (speech.rate * voice.pitch), rate=rate, low=low, high=high)


def phone_band(rate: int) -> tuple[float, float]:
    """What a telephone line of this rate lets through: low and high edge in Hz."""
    return (300.0, 3_400.0) if rate <= 8_000 else (60.0, min(7_000.0, rate * 0.44))


def _file_clip(file: Path, text: str, rate: int) -> Clip:
    try:
        wav = read_wav(file)
    except (OSError, AudioError) as error:
        raise ConfigError(f"cannot play {file}: {error}", hint="play takes a 16-bit PCM WAV file") from error
    mono = as_float(wav.samples).mean(axis=1)
    low, high = phone_band(rate)
    samples = resampled(mono, rate / wav.rate, rate=rate, low=low, high=high)
    out = as_pcm(samples)
    onset, end = edges(out, EDGE_DB)
    return Clip(text or f"({file.name})", out, onset, end)


def cough(rate: int, seed: int) -> Samples:
    """Two short bursts of noise, the second weaker, as a cough into a telephone."""
    random = np.random.default_rng(seed)
    bursts = [_burst(rate, 0.16, 1.0, random), np.zeros(int(0.09 * rate), np.float32), _burst(rate, 0.14, 0.6, random)]
    return band(np.concatenate(bursts), rate, 350.0, 2_600.0)


def _burst(rate: int, length_s: float, peak: float, random: np.random.Generator) -> Samples:
    time = np.arange(int(length_s * rate)) / rate
    envelope = np.minimum(1.0, time / 0.008) * np.exp(-time / (length_s / 3))
    return (peak * envelope * random.standard_normal(len(time))).astype(np.float32)


def mumbled(speech: Samples, rate: int, length_s: float) -> Samples:
    """Speech played backwards with its consonants cut off: a voice, and no words. Lasts `length_s` seconds."""
    backwards = band(speech[::-1], rate, 120.0, 700.0)
    wanted = int(length_s * rate)
    return np.resize(backwards, wanted) if len(backwards) else np.zeros(wanted, np.float32)
