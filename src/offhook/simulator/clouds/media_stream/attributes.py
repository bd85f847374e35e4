"""The attributes of an XML element, read as the carriers read them: strictly."""

from typing import Protocol

from offhook.errors import WireError

__all__ = ["Attributes", "DocumentError", "Element"]


class DocumentError(WireError):
    """A document that the carrier would not perform."""


class Element(Protocol):
    """As much of an XML element as is needed here."""

    tag: str
    text: str | None
    attrib: dict[str, str]


class Attributes:
    """Reads attributes by name and remembers which ones nobody asked for."""

    def __init__(self, element: Element):
        self._tag = element.tag
        self._given = dict(element.attrib)
        self._unread = set(element.attrib)

    @property
    def unread(self) -> list[str]:
        """Attributes that this element does not have, as far as the carrier knows."""
        return sorted(self._unread)

    def text(self, name: str, default: str = "") -> str:
        """The value, without spaces around it."""
        self._unread.discard(name)
        return self._given.get(name, default).strip()

    def flag(self, name: str, *, default: bool = False) -> bool:
        """`true` or `false`. Raises DocumentError for anything else."""
        value = self.text(name, "true" if default else "false")
        if value not in ("true", "false"):
            raise DocumentError(f'{self._tag} {name}="{value}" is neither "true" nor "false"')
        return value == "true"

    def whole(self, name: str, default: int, *, least: int = 0, most: int = 86_400) -> int:
        """A whole number. Raises DocumentError for one outside of `least` to `most`."""
        value = self.text(name, str(default))
        if not value.isdigit() or not least <= int(value) <= most:
            raise DocumentError(f'{self._tag} {name}="{value}" is not a number from {least} to {most}')
        return int(value)

    def choice(self, name: str, default: str, *choices: str) -> str:
        """One of several words. Raises DocumentError for any other."""
        value = self.text(name, default)
        if value not in choices:
            raise DocumentError(f'{self._tag} {name}="{value}" is none of {", ".join(choices)}')
        return value

    def method(self, name: str) -> str:
        """POST, if not given, or GET."""
        return self.choice(name, "POST", "POST", "GET")

    def address(self, name: str) -> str:
        """An http or https address, or nothing. Raises DocumentError for anything else."""
        value = self.text(name)
        if value and not value.startswith(("http://", "https://")):
            raise DocumentError(f'{self._tag} {name}="{value}" is not a web address')
        return value

    def ignore(self, *names: str) -> None:
        """Attributes that the carrier has and that change nothing here."""
        self._unread.difference_update(names)
