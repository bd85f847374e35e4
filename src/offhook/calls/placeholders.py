"""Places in an agent's texts that what is known of a call fills: `{name}`."""

import re
from collections.abc import Mapping

__all__ = ["fill"]

_PLACE = re.compile(r"\{([^{}]+)\}")


def fill(text: str, variables: Mapping[str, str]) -> str:
    """`text` with each `{name}` that is in `variables` replaced by its value; others stay, and values are not
    searched for further places."""
    return _PLACE.sub(lambda place: variables.get(place[1], place[0]), text)
