import numpy as np
import pytest
from numpy.typing import NDArray

from offhook.audio.lowpass import PASS, REACH, STOP, impulse_response

STEPS = 64
TIME = np.arange(-REACH * STEPS, REACH * STEPS + 1) / STEPS


def response_at(frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """The Fourier integral of the response, by the trapezoidal rule."""
    return np.cos(2 * np.pi * np.outer(frequencies, TIME)) @ impulse_response(TIME) / STEPS


def decibels(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return 20 * np.log10(np.abs(values))


def test_the_pass_band_is_flat() -> None:
    assert np.abs(decibels(response_at(np.linspace(0, PASS, 500)))).max() < 0.1


def test_the_stop_band_is_deep_from_its_edge_on() -> None:
    assert decibels(response_at(np.linspace(STOP, 12, 6000))).max() < -64


def test_far_from_the_edge_it_is_deeper_still() -> None:
    assert decibels(response_at(np.linspace(1, 2, 500))).max() < -80


def test_a_constant_passes_unchanged() -> None:
    assert response_at(np.zeros(1)) == pytest.approx(1)


def test_the_response_begins_and_ends_at_zero_and_is_even() -> None:
    assert impulse_response(np.array([-REACH, REACH], float)) == pytest.approx([0, 0], abs=1e-9)
    assert impulse_response(TIME) == pytest.approx(impulse_response(-TIME))
