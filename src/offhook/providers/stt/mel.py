"""The log-mel spectrogram that Whisper listens to.

As published with Whisper: 25 ms periodic Hann windows every 10 ms, centred by reflection at the ends; the power of 201
bins gathered by 80 triangles on Slaney's mel scale, each of unit area; logarithm, held within 8 decades of the loudest
cell, and scaled to about -1..1.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["HOP", "log_mel"]

HOP = 160
_RATE = 16_000
_WINDOW = 400
_MELS = 80

# Slaney's scale: 200/3 Hz a mel up to 1 kHz, then 27 mels for each factor of 6.4.
_LINEAR_HZ = 200 / 3
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ
_LOG_STEP = np.log(6.4) / 27


def log_mel(audio: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """Spectrogram, shape (80, samples // 160), of 16 kHz `audio` cut or filled with silence to `samples`."""
    padded = np.zeros(samples + _WINDOW, np.float32)
    half = _WINDOW // 2
    head = audio[:samples]
    padded[half : half + len(head)] = head
    padded[:half] = padded[half + 1 : _WINDOW + 1][::-1]
    padded[-half:] = padded[-_WINDOW - 1 : -half - 1][::-1]
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::HOP][: samples // HOP]
    spectrum = np.fft.rfft(windows * _HANN)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    decades = np.log10(np.maximum(_BANK @ power.T, 1e-10))
    scaled: NDArray[np.float32] = (np.maximum(decades, decades.max() - 8) + 4) / 4
    return np.ascontiguousarray(scaled, np.float32)


def _hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < _BREAK_MEL, mel * _LINEAR_HZ, _BREAK_HZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL)))


def _bank() -> NDArray[np.float32]:
    top = _BREAK_MEL + np.log(_RATE / 2 / _BREAK_HZ) / _LOG_STEP
    edges = _hz(np.linspace(0, top, _MELS + 2))
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    bins = np.linspace(0, _RATE / 2, _WINDOW // 2 + 1)
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)).clip(min=0)
    return np.asarray(triangles * 2 / (high - low), np.float32)


_BANK = _bank()
_HANN = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
