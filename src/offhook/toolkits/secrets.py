"""What a tool knows from the environment: filled into its requests, and struck out of whatever comes back."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson
from pydantic import SecretStr

from offhook.config.templates import Place, parts_of

__all__ = ["Secrets"]

_STRUCK = "[secret]"
_SHORTEST = 4
"""Shorter ones are no secrets, and to strike them out would spoil ordinary words."""


class Secrets:
    """The values of a table's `{env.NAME}`."""

    def __init__(self, values: Mapping[str, SecretStr]):
        self._values = {name: value.get_secret_value() for name, value in values.items()}
        plain = [value for value in self._values.values() if len(value) >= _SHORTEST]
        forms = {form for value in plain for form in (value, quote(value, safe=""), _in_json(value))}
        self._forms = sorted(forms, key=len, reverse=True)

    def __repr__(self) -> str:
        return f"Secrets({', '.join(self._values)})"

    def of(self, place: Place) -> str:
        """What fills a place. Raises KeyError where the name is not set and the place has nothing else."""
        if place.name not in self._values and place.default is not None:
            return place.default
        return self._values[place.name]

    def filled(self, text: str) -> str:
        """`text` with its `{env.NAME}`; it has no other places."""
        return "".join(self.of(part) if isinstance(part, Place) else part for part in parts_of(text))

    def hidden(self, text: str) -> str:
        """`text` without any of the values."""
        for form in self._forms:
            text = text.replace(form, _STRUCK)
        return text

    def hidden_in(self, value: Any) -> Any:
        """A JSON value without any of them."""
        text = orjson.dumps(value).decode()
        return value if self.hidden(text) == text else self._struck(value)

    def _struck(self, value: Any) -> Any:
        # Text by text: in the JSON as a whole, digits of a number and words such as true would be struck as well.
        if isinstance(value, dict):
            return {self.hidden(name): self._struck(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._struck(each) for each in value]
        if isinstance(value, str):
            return self.hidden(value)
        return _STRUCK if str(value) in self._forms else value


def _in_json(text: str) -> str:
    return orjson.dumps(text).decode()[1:-1]
