"""What became of a call that nobody took, by the cause that Asterisk tells."""

from collections.abc import Mapping

from offhook.carriers.placed import CallState

__all__ = ["STATES"]

STATES: Mapping[int, CallState] = {17: "busy", 18: "no_answer", 19: "no_answer", 21: "busy"}
"""By the causes of Q.850; all others are failures."""
