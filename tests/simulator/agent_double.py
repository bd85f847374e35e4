"""A scripted agent: says its lines, hears by energy, stops when talked over, hangs up after the last line."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import numpy as np

from offhook.carriers.audiosocket.wire import Audio, CallId, Dtmf, Hangup, Kind, Message, Parser, encode
from offhook.simulator.sound import as_pcm
from tests.simulator.voices import tone

RATE = 8_000
FRAME = 160
SILENCE = bytes(2 * FRAME)


@dataclass(frozen=True)
class Said:
    """A line of the agent: a tone of `hz` for `seconds`."""

    hz: float
    seconds: float = 1.0


class AgentDouble:
    """Answers each caller utterance with its next line, `reply_frames` after the caller's last sound.

    No socket and no clock: a frame in, a frame out. `barge_in_frames` of caller sound stop it for good; None makes
    it deaf while it speaks. With `resumes`, it falls silent at a sound and goes on when the sound was short.
    """

    def __init__(
        self,
        lines: Sequence[Said],
        *,
        reply_frames: int = 25,
        barge_in_frames: int | None = 10,
        hangs_up: bool = True,
        resumes: bool = False,
    ):
        self._lines = deque(lines)
        self._playing: deque[bytes] = deque()
        self._reply_frames = reply_frames
        self._barge_in = barge_in_frames
        self._hangs_up = hangs_up
        self._resumes = resumes
        self._loud = 0
        self._quiet = 0
        self._owes = False
        self.keys = ""
        self.hung_up = False
        self.speak()

    def speak(self) -> None:
        """Begin the next line."""
        if self._lines:
            line = self._lines.popleft()
            pcm = as_pcm(tone(line.hz, line.seconds, RATE)).tobytes()
            self._playing.extend(pcm[at : at + 2 * FRAME] for at in range(0, len(pcm), 2 * FRAME))

    def press(self, digit: str) -> None:
        self.keys += digit
        if digit == "#":
            self._owes = True

    def answer(self, frame: bytes) -> bytes:
        """Hear a frame and give one back."""
        loud = float(np.abs(np.frombuffer(frame, "<i2").astype(np.float32)).mean()) > 200
        self._loud = self._loud + 1 if loud else 0
        self._quiet = 0 if loud else self._quiet + 1
        if loud and not self._playing:
            self._owes = True
        if self._barge_in is not None and self._loud >= self._barge_in and self._playing:
            self._playing.clear()
            self._owes = True
        paused = self._resumes and self._playing and self._quiet < 10 and self._owes_nothing()
        if paused:
            return SILENCE
        if not self._playing and self._owes and self._quiet >= self._reply_frames:
            self._owes = False
            self.speak()
        if not self._playing and not self._lines and self._hangs_up and not self._owes:
            self.hung_up = True
        return self._playing.popleft() if self._playing else SILENCE

    def _owes_nothing(self) -> bool:
        return not self._owes


@asynccontextmanager
async def serving(agent: AgentDouble) -> AsyncIterator[int]:
    """The agent on a real AudioSocket port; gives the port."""

    over: list[asyncio.Event] = []

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine = asyncio.Event()
        over.append(mine)
        with suppress(ConnectionError):
            await _converse(agent, reader, writer)
        writer.close()
        mine.set()

    server = await asyncio.start_server(attend, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*(each.wait() for each in over))


async def _converse(agent: AgentDouble, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    parser = Parser()
    while data := await reader.read(4096):
        for message in parser.feed(data):
            for reply in _reply(agent, message):
                writer.write(encode(reply))
        if agent.hung_up:
            writer.write(encode(Hangup()))
            writer.write_eof()
            await reader.read()
            return


def _reply(agent: AgentDouble, message: Message) -> list[Message]:
    match message:
        case Audio(_, payload):
            return [Audio(Kind.AUDIO_8K, agent.answer(payload))]
        case Dtmf(digit):
            agent.press(digit)
            return []
        case CallId():
            return []
        case _:
            raise AssertionError(f"a caller does not send {message}")
