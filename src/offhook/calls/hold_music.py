"""Music on its way to a caller on hold: a track that never ends, fed a second at a time."""

from offhook.audio.convert import Converter, converter
from offhook.audio.levels import fade
from offhook.audio.melody import Melody
from offhook.calls.playout import Playout
from offhook.calls.track import Track

__all__ = ["HoldMusic"]

_ENOUGH_MS = 1_000
_FADE_OUT_MS = 100


class HoldMusic:
    """Plays `melody` into the playout of one call."""

    def __init__(self, melody: Melody, playout: Playout):
        self._melody = melody
        self._playout = playout
        self._convert: Converter | None = None
        self._position = 0
        self._track: Track | None = None
        self._tracks: set[Track] = set()

    def owns(self, track: Track) -> bool:
        """Whether a track is music, which is nothing that the agent said."""
        return track in self._tracks

    def start(self) -> None:
        """Play, behind what is still being said, from where it stopped."""
        if self._track is None:
            self._convert = self._convert or converter(self._melody.format, self._playout.format)
            self._begin()
            self.tick()

    def tick(self) -> None:
        """Have another second ready. To be called at each beat."""
        if self._track is not None and self._track.interrupted:
            # Whoever dropped all that was to be said does not know of the music: a caller's word came in late.
            self._tracks.discard(self._track)
            self._begin()
        track = self._track
        if track is not None and self._convert is not None and track.remaining_ms < _ENOUGH_MS:
            track.forget()
            second, self._position = self._melody.second_at(self._position)
            track.append(self._convert(second))

    def _begin(self) -> None:
        self._track = self._playout.begin()
        self._tracks.add(self._track)

    def stop(self) -> None:
        """Fade out what is about to be heard, and stop there."""
        track, self._track = self._track, None
        if track is None:
            return
        end = track.position + track.format.bytes_in(_FADE_OUT_MS)
        track.audio[track.position :] = fade(
            bytes(track.audio[track.position : end]), track.format, out_ms=_FADE_OUT_MS
        )
        track.finish()

    def finished(self, track: Track) -> None:
        """A track of music is over."""
        self._tracks.discard(track)
