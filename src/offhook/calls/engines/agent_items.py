"""What one session says, item by item: each a track of the playout, with its words placed by guess."""

from offhook.audio.formats import FRAME_MS
from offhook.calls.conversation import Conversation
from offhook.calls.playout import Playout
from offhook.calls.track import Track
from offhook.providers.tts.timing import Pace, spread, written_words

__all__ = ["AgentItems"]

# How often it is worth knowing for certain how far the caller is.
_MARKED_MS = 2_000


class AgentItems:
    """The items of one session on their way to the caller.

    Nobody tells when their words sound. Of an item that is whole they share its length as they are long; of one that is
    still coming they follow the voice's `pace`, since its text may be ahead of its sound or behind it.
    """

    def __init__(self, playout: Playout, conversation: Conversation, pace: Pace):
        self._playout = playout
        self._conversation = conversation
        self._pace = pace
        self._tracks: dict[str, Track] = {}
        self._gone: dict[str, Track] = {}
        self._starved_since_ms: int | None = None

    def audio(self, item_id: str, audio: bytes) -> bool:
        """More sound of an item; false if it comes too late."""
        if item_id in self._gone:
            return False
        track = self._track(item_id)
        track.append(audio)
        if track.length_ms - track.format.ms_in(track.clause_ends[-1] if track.clause_ends else 0) >= _MARKED_MS:
            track.end_clause()
        return True

    def text(self, item_id: str, text: str, *, whole: bool) -> bool:
        """More text of an item; `whole` tells better, also of one that was interrupted, what was heard of it. False
        if it comes too late."""
        gone = self._gone.get(item_id)
        if gone is None:
            track = self._track(item_id)
            track.text = text if whole else track.text + text
        elif whole and gone.started:
            gone.text = text
            gone.words = list(spread(written_words(text), 0, gone.heard_ms))
        return gone is None

    def done(self, item_id: str) -> None:
        """All sound of an item is there."""
        track = self._tracks.get(item_id)
        if track is not None and not track.complete:
            track.finish()
            self._pace.learn(_letters(track.text), track.length_ms)

    def finished(self, track: Track) -> int | None:
        """A track left the playout. Where it is an item's that was interrupted: how much of it was heard, in ms."""
        item_id = self.id_of(track)
        if item_id is None:
            return None
        self._place_words(track)
        if not track.interrupted:
            del self._tracks[item_id]
            self._gone[item_id] = track
            return None
        return self._drop(item_id)

    def drop(self) -> dict[str, int]:
        """All items that were not heard to their end, and how much of each was heard, in ms: what comes of them from
        now on is too late. For when the playout was flushed."""
        unheard = [item_id for item_id, track in self._tracks.items() if not track.over]
        return {item_id: self._drop(item_id) for item_id in unheard}

    def id_of(self, track: Track) -> str | None:
        """The item of a track."""
        return next((item_id for item_id, each in self._tracks.items() if each is track), None)

    def place_words(self) -> None:
        """Guess where the words of all items are: before anybody asks what was heard."""
        for track in self._tracks.values():
            self._place_words(track)

    def break_off(self) -> bool:
        """No more will come. What is there stays, with the words that it has; true if something was not whole."""
        broken = False
        self.place_words()
        for track in self._tracks.values():
            if track.complete:
                continue
            broken = True
            sounding = [word for word in track.words if word.end_ms <= track.length_ms + 1]
            track.text = track.text[: sounding[-1].end] if sounding else ""
            track.words = sounding
            track.finish()
            self._conversation.agent_broke_off(track)
        return broken

    def finish_starved(self, now_ms: int, patience_ms: int) -> None:
        """Give up waiting for the end of an item that holds up those behind it, once its sound has run out for so long.

        For when no answer is under way."""
        track = self._playout.current
        if track is None or track.complete or track.remaining_ms >= FRAME_MS or self.id_of(track) is None:
            self._starved_since_ms = None
            return
        if self._starved_since_ms is None:
            self._starved_since_ms = now_ms
        if now_ms - self._starved_since_ms >= patience_ms:
            track.finish()

    def _track(self, item_id: str) -> Track:
        if item_id not in self._tracks:
            self._tracks[item_id] = self._playout.begin()
            self._conversation.agent_says(self._tracks[item_id])
        return self._tracks[item_id]

    def _drop(self, item_id: str) -> int:
        track = self._tracks.pop(item_id)
        self._gone[item_id] = track
        return track.heard_ms

    def _place_words(self, track: Track) -> None:
        words = written_words(track.text)
        length_ms = track.length_ms if track.complete else _letters(track.text) * self._pace.letter_ms
        track.words = list(spread(words, 0, length_ms))


def _letters(text: str) -> float:
    return sum(word.letters for word in written_words(text))
