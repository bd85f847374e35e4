"""Lines that sessions are to say word for word: how models are told, and how that is read again."""

import re

__all__ = ["line_in", "verbatim"]

_SAID = re.compile(r'Say exactly this to the caller, word for word, and nothing else: "(.*)"', re.DOTALL)


def verbatim(line: str) -> str:
    """The instruction to say `line` and no more."""
    return f'Say exactly this to the caller, word for word, and nothing else: "{line}"'


def line_in(instructions: str) -> str:
    """The line that `instructions` want said and no more, for vendors that can speak one; empty if it is not so."""
    found = _SAID.fullmatch(instructions)
    return found[1] if found else ""
