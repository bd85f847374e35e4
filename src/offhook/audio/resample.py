"""Sample rates changed frame by frame: a streaming polyphase FIR filter as one matrix product.

An output sample is a weighted sum of the input samples around its own instant, the weights taken from
`lowpass.impulse_response`. A 20 ms frame is cut into cells of neighbouring output samples; the cells share a window
width, so that a frame is one product of windows with weights. Where a cell spans whole periods of the ratio of the
rates, one table of weights serves every cell.

The delay is the same at every frequency and instant: 19 samples of the lower rate, which is 2.375 ms at 8 kHz,
1.19 ms at 16 kHz and 0.79 ms at 24 kHz. Up to 0.425 of the lower rate passes within 0.1 dB; whatever lies above half
the lower rate is at least 60 dB down, and so is its alias or image wherever it would fall.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from offhook.audio.formats import FRAME_MS
from offhook.audio.lowpass import REACH, impulse_response
from offhook.audio.samples import FULL_SCALE, pcm_bytes
from offhook.errors import AudioError

__all__ = ["MAX_RATE", "MIN_RATE", "Resampler", "resample"]

MIN_RATE = 8_000
MAX_RATE = 192_000

_ITEM = 4
_TO_UNIT = np.float32(1 / FULL_SCALE)
# What it costs to begin one more cell, in multiplications; fitted to timings of all pairs.
_CELL_COST = 1000


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """The weights of one pair of rates, shared by all its resamplers.

    `weights` has the shape (tables, width, outputs of a cell). Window i of a frame starts `step` * i samples after
    the oldest of the `history` that precedes the frame.
    """

    frame_in: int
    history: int
    step: int
    cells: int
    weights: NDArray[np.float32]


def _frame_samples(rate: int) -> int:
    if not MIN_RATE <= rate <= MAX_RATE or rate * FRAME_MS % 1000:
        raise AudioError(
            f"cannot resample {rate} Hz: rates from {MIN_RATE} to {MAX_RATE} Hz with whole samples in {FRAME_MS} ms"
        )
    return rate * FRAME_MS // 1000


def _reach(src_rate: int, dst_rate: int) -> float:
    """Half the length of the filter, which is also its delay, in input samples."""
    return 0.0 if src_rate == dst_rate else REACH * src_rate / min(src_rate, dst_rate)


def _width(frame_in: int, frame_out: int, history: int, cells: int) -> int:
    """Window width that serves every cell. Cells drift where the steps between them are not whole, and the last
    has drifted furthest, so that it decides."""
    newest = (frame_out - 1) * frame_in // frame_out
    return history + newest - (cells - 1) * (frame_in // cells) + 1


def _cells(frame_in: int, frame_out: int, history: int) -> int:
    """Into how many cells to cut a frame: few waste multiplications by zero, many waste calls."""

    def cost(cells: int) -> int:
        return cells * (_width(frame_in, frame_out, history, cells) * (frame_out // cells) + _CELL_COST)

    return min((cells for cells in range(1, frame_out + 1) if frame_out % cells == 0), key=cost)


@cache
def _table(src_rate: int, dst_rate: int) -> _Table:
    frame_in, frame_out = _frame_samples(src_rate), _frame_samples(dst_rate)
    reach = _reach(src_rate, dst_rate)
    history = math.ceil(2 * reach)
    cells = _cells(frame_in, frame_out, history)
    step = frame_in // cells
    same = frame_in % cells == 0 and math.gcd(frame_in, frame_out) % cells == 0
    tables = 1 if same else cells
    instants = (np.arange(frame_out) * frame_in / frame_out + history).reshape(cells, 1, -1)[:tables]
    window = np.arange(_width(frame_in, frame_out, history, cells))[:, None]
    age = instants - window - step * np.arange(tables)[:, None, None]
    response = impulse_response((age - reach) * min(src_rate, dst_rate) / src_rate)
    response[(age < 0) | (age > 2 * reach)] = 0
    # Every output phase passes a constant exactly, which puts the images of the lowest tones out of reach.
    weights = response / response.sum(axis=1, keepdims=True)
    return _Table(frame_in, history, step, cells, weights.astype(np.float32))


class Resampler:
    """Changes the rate of one stream of mono pcm16, whole frames of 20 ms in and as many out.

    Rates are in Hz, `MIN_RATE` to `MAX_RATE`, with whole samples in 20 ms; others raise AudioError. Equal rates
    pass through. A stream's state is under 4 KB; tables belong to the pair of rates and are built once (some ms).
    Not for two threads at a time.
    """

    def __init__(self, src_rate: int, dst_rate: int):
        self.src_rate = src_rate
        self.dst_rate = dst_rate
        self._table = _table(src_rate, dst_rate)
        self._tail = np.zeros(self._table.history, np.float32)

    @property
    def delay_ms(self) -> float:
        """How much later a sound comes out than it went in, at every frequency."""
        return _reach(self.src_rate, self.dst_rate) / self.src_rate * 1000

    def process(self, pcm: bytes) -> bytes:
        """The next whole frames, rounded and saturated. Raises AudioError where `pcm` is not whole frames."""
        return pcm_bytes(self._filter(pcm))

    def process_float(self, pcm: bytes) -> NDArray[np.float32]:
        """Like `process`, as samples between -1 and 1 that were never rounded; peaks may overshoot a little."""
        samples = self._filter(pcm)
        samples *= _TO_UNIT
        return samples

    def flush(self) -> bytes:
        """One last frame that holds the end of the stream, then silence. The next stream starts afresh."""
        last = self.process(bytes(2 * self._table.frame_in))
        self.reset()
        return last

    def reset(self) -> None:
        """Forget what was heard: the next frame starts a new stream."""
        self._tail.fill(0)

    def _filter(self, pcm: bytes) -> NDArray[np.float32]:
        table = self._table
        frames, rest = divmod(len(pcm), 2 * table.frame_in)
        if rest:
            raise AudioError(f"{len(pcm)} bytes are not whole {FRAME_MS} ms frames of pcm16 at {self.src_rate} Hz")
        line = np.empty(table.history + frames * table.frame_in, np.float32)
        line[: table.history] = self._tail
        line[table.history :] = np.frombuffer(pcm, np.dtype("<i2"))
        self._tail[:] = line[line.size - table.history :]
        # A product per frame, whatever their number, so that the sums and their rounding never depend on chunking.
        tables, width, _ = table.weights.shape
        shape = (frames, tables, table.cells // tables, width)
        strides = (_ITEM * table.frame_in, _ITEM * table.step, _ITEM * table.step, _ITEM)
        windows = np.ndarray(shape, np.float32, line, 0, strides)
        if tables == 1:
            # BLAS takes no matrix whose rows overlap; a single row it takes as it lies.
            windows = windows.copy()
        product: NDArray[np.float32] = np.matmul(windows, table.weights)
        return product.reshape(-1)


def resample(pcm: bytes, src_rate: int, dst_rate: int) -> bytes:
    """A whole recording at another rate: any number of mono pcm16 samples, the filter's delay taken out.

    The result lasts as long as `pcm` to the nearest sample, and lies within half an output sample of it in time.
    """
    if len(pcm) % 2:
        raise AudioError(f"{len(pcm)} bytes are not whole 16-bit samples")
    if src_rate == dst_rate:
        return pcm
    stream = Resampler(src_rate, dst_rate)
    padding = bytes(-len(pcm) % (2 * _frame_samples(src_rate)))
    start = 2 * round(stream.delay_ms * dst_rate / 1000)
    size = 2 * round(len(pcm) // 2 * dst_rate / src_rate)
    return (stream.process(pcm + padding) + stream.flush())[start : start + size]
