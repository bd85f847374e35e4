"""Asterisk's side of a WebSocket channel: a queue that it plays from, 20 ms at a time. No socket, no clock."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

__all__ = ["MAX_TEXT_BYTES", "MOST_FRAMES", "XOFF_FRAMES", "XON_FRAMES", "Flushed", "MediaQueue", "Tell"]

MOST_FRAMES = 1_000
XOFF_FRAMES = 900
XON_FRAMES = 800
MAX_TEXT_BYTES = 128

Tell = Callable[[str, Mapping[str, str | int | bool]], None]
"""Gets the name of an event and its fields."""


@dataclass(frozen=True, slots=True)
class Flushed:
    """A flush: how many frames had been played before it, how many it dropped, and which marks."""

    played: int
    dropped: int
    marks: tuple[str, ...]


class MediaQueue:
    """Takes messages, and gives a frame of `frame_bytes` at each tick.

    `lost` names everything that Asterisk would have dropped or passed over; what it does so without any harm, such as
    a flush of nothing, is not in it. `ended` is set by a command to hang up.
    """

    def __init__(self, frame_bytes: int, tell: Tell, *, is_json: bool = True):
        self.lost: list[str] = []
        self.flushes: list[Flushed] = []
        self.marks: list[str] = []
        self.played = 0
        self.longest = 0
        self.ended = False
        self._frame_bytes = frame_bytes
        self._tell = tell
        self._is_json = is_json
        self._line: deque[bytes | str] = deque()
        self._frames = 0
        self._full = False
        self._paused = False
        self._bulk = False
        self._rest = b""
        self._report_drained = False

    @property
    def frames(self) -> int:
        """How many frames wait."""
        return self._frames

    def media(self, payload: bytes) -> None:
        """A binary message. Without START_MEDIA_BUFFERING, what is less than a frame at its end is lost."""
        if self._frames >= MOST_FRAMES:
            self.lost.append(f"{len(payload)} bytes for a full queue")
            return
        sound = (self._rest if self._bulk else b"") + payload
        whole = len(sound) - len(sound) % self._frame_bytes
        for at in range(0, whole, self._frame_bytes):
            self._put(sound[at : at + self._frame_bytes])
        self._rest = sound[whole:] if self._bulk else b""
        if whole < len(sound) and not self._bulk:
            self.lost.append(f"{len(sound) - whole} bytes behind the last whole frame")

    def text(self, text: str) -> None:
        """A text message."""
        if not text or len(text.encode()) > MAX_TEXT_BYTES:
            self.lost.append(f"a text of {len(text.encode())} bytes")
            return
        name, correlation_id = self._command(text)
        acts: Mapping[str, Callable[[], None]] = {
            "MARK_MEDIA": lambda: self._line.append(correlation_id),
            "FLUSH_MEDIA": self._flush,
            "START_MEDIA_BUFFERING": self._start_bulk,
            "STOP_MEDIA_BUFFERING": self._stop_bulk,
            "PAUSE_MEDIA": lambda: self._pause(True),
            "CONTINUE_MEDIA": lambda: self._pause(False),
            "GET_STATUS": self._status,
            "REPORT_QUEUE_DRAINED": self._report,
            "HANGUP": self._end,
            "ANSWER": lambda: None,
        }
        act = acts.get(name)
        if act is None:
            self.lost.append(f"the unknown command {name[:40]!r}")
        else:
            act()

    def tick(self) -> bytes | None:
        """20 ms have passed: what is played in the next 20, or None for nothing. Marks before it have been reached."""
        if self._paused:
            return None
        if self._full and self._frames < XON_FRAMES:
            self._full = False
            self._tell("MEDIA_XON", {})
        if not self._line and self._report_drained:
            self._report_drained = False
            self._tell("QUEUE_DRAINED", {})
        while self._line:
            head = self._line.popleft()
            if isinstance(head, bytes):
                self._frames -= 1
                self.played += 1
                return head
            self.marks.append(head)
            self._tell("MEDIA_MARK_PROCESSED", {"correlation_id": head})
        return None

    def _command(self, text: str) -> tuple[str, str]:
        if not self._is_json:
            name, _, correlation_id = text.strip().partition(" ")
            return name, correlation_id
        try:
            fields = orjson.loads(text)
            return str(fields["command"]), str(fields.get("correlation_id", ""))
        except (ValueError, TypeError, KeyError, AttributeError):
            self._tell("ERROR", {"error_text": "Unable to parse JSON command"})
            return text, ""

    def _put(self, frame: bytes) -> None:
        self._line.append(frame)
        self._frames += 1
        self.longest = max(self.longest, self._frames)
        if not self._full and self._frames >= XOFF_FRAMES:
            self._full = True
            self._tell("MEDIA_XOFF", {})

    def _flush(self) -> None:
        marks = tuple(item for item in self._line if isinstance(item, str))
        self.flushes.append(Flushed(self.played, self._frames, marks))
        self._line.clear()
        self._frames = 0
        self._bulk, self._rest = False, b""

    def _start_bulk(self) -> None:
        self._bulk = True

    def _stop_bulk(self) -> None:
        self._bulk = False
        if self._rest:
            self._put(self._rest)
        self._rest = b""

    def _pause(self, paused: bool) -> None:
        self._paused = paused

    def _status(self) -> None:
        self._tell(
            "STATUS",
            {
                "queue_length": self._frames,
                "xon_level": XON_FRAMES,
                "xoff_level": XOFF_FRAMES,
                "queue_full": self._full,
                "bulk_media": self._bulk,
                "media_paused": self._paused,
            },
        )

    def _report(self) -> None:
        self._report_drained = True

    def _end(self) -> None:
        self.ended = True
