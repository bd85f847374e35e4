"""What GPT-Live says: one stream of sound at the pace it is heard, silence too, which is cut into utterances here."""

from collections.abc import Callable
from itertools import count

from offhook.audio.convert import decoder
from offhook.audio.formats import AudioFormat
from offhook.audio.levels import peak
from offhook.errors import WireError
from offhook.providers.realtime.base import RealtimeEvents
from offhook.providers.realtime.item_audio import ItemAudio

__all__ = ["LiveSpeech"]

_QUIET = 64
"""A peak that nobody hears on a telephone. Between words there is less, and often nothing at all."""
_GAP_MS = 600.0
_PAUSE_MS = 100.0
_CUSHION_MS = 100.0
_INSISTS_MS = 2_500.0


class LiveSpeech:
    """Tells `events` of utterances; before the first sound of each it calls `began`. `clock` gives ms of the session.

    Silence is not passed on: the sound comes at the pace it is heard, so that the pauses are there by themselves. The
    first sound after a pause waits until there is a little more, lest it stutter whenever the network does.
    """

    def __init__(
        self,
        events: RealtimeEvents,
        *,
        wire: AudioFormat,
        leg: AudioFormat,
        clock: Callable[[], int],
        began: Callable[[], None],
    ) -> None:
        self.began_at_ms = self.voiced_at_ms = -1
        """When the last utterance began, and when there was sound last."""
        self._events = events
        self._wire = wire
        self._leg = leg
        self._clock = clock
        self._began = began
        self._decode = decoder(wire.encoding)
        self._numbers = count(1)
        self._item = ""
        self._text = ""
        self._ahead = ""
        self._audio: ItemAudio | None = None
        self._held = bytearray()
        self._flows = False
        self._quiet_ms = 0.0
        self._cut_ms: float | None = None
        self._cut_gap_ms = _GAP_MS

    @property
    def speaking(self) -> bool:
        """Whether an utterance has begun that is not over."""
        return self._audio is not None

    def sound(self, audio: bytes) -> bool:
        """More of the stream; false if it is silent. Raises WireError."""
        if len(audio) % self._wire.sample_bytes:
            raise WireError("audio that ends in the middle of a sample")
        length_ms = self._wire.ms_in(len(audio))
        if peak(self._decode(audio)) < _QUIET:
            self._silence(length_ms)
            return False
        self._quiet_ms = 0.0
        if self._cut_ms is not None and not self._insists(length_ms):
            return True
        self.voiced_at_ms = self._clock()
        if self._audio is None:
            self._begin()
        self._held += audio
        if self._flows or self._wire.ms_in(len(self._held)) > _CUSHION_MS:
            self._flows = True
            self._release()
        return True

    def write(self, text: str, start_ms: int) -> None:
        """More of what is written down of it, for sound from `start_ms` on."""
        if self._cut_ms is not None:
            return
        if self._audio is not None:
            self._text += text
            self._events.on_agent_text(self._item, text, whole=False)
        elif self._item and start_ms <= self.voiced_at_ms:
            self._text += text
            self._events.on_agent_text(self._item, self._text, whole=True)
        else:
            self._ahead += text

    def drop(self) -> None:
        """Tell no more of the utterance under way. A model that talks on and on all the same is heard again."""
        if self._audio is not None:
            self._audio, self._flows = None, False
            self._cut_ms, self._cut_gap_ms = 0.0, _GAP_MS
            self._held.clear()

    def expect(self) -> None:
        """Something else was asked for: of an utterance that was dropped the first pause is the end."""
        self._cut_gap_ms = _PAUSE_MS
        self._end_cut()

    def _begin(self) -> None:
        self._began()
        self.began_at_ms = self._clock()
        self._item = f"live_{next(self._numbers)}"
        self._audio = ItemAudio(self._wire, self._leg)
        self._text, self._ahead = self._ahead, ""
        if self._text:
            self._events.on_agent_text(self._item, self._text, whole=False)

    def _silence(self, length_ms: float) -> None:
        self._quiet_ms += length_ms
        self._flows = False
        self._release()
        self._end_cut()
        if self._quiet_ms >= _GAP_MS:
            self._end()

    def _end_cut(self) -> None:
        if self._quiet_ms >= self._cut_gap_ms:
            self._cut_ms = None

    def _insists(self, length_ms: float) -> bool:
        self._cut_ms = (self._cut_ms or 0.0) + length_ms
        if self._cut_ms < _INSISTS_MS:
            return False
        self._cut_ms = None
        return True

    def _release(self) -> None:
        held = bytes(self._held)
        self._held.clear()
        if held and self._audio is not None:
            self._play(self._audio.take(held))

    def _end(self) -> None:
        audio, self._audio = self._audio, None
        if audio is not None:
            self._play(audio.finish())
            self._events.on_item_done(self._item)

    def _play(self, audio: bytes) -> None:
        if audio:
            self._events.on_audio(self._item, audio)
