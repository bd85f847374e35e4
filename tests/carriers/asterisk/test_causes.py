from typing import get_args

from offhook.carriers.asterisk.causes import STATES
from offhook.carriers.placed import CallState


def test_every_cause_has_a_state_of_calls() -> None:
    assert set(STATES.values()) <= set(get_args(CallState))
    assert (STATES[17], STATES[19]) == ("busy", "no_answer")
