"""Rooms in which the people of several calls talk to each other, as `Conference` asks."""

import asyncio
from functools import partial

from offhook.simulator.clouds.media_stream.handset import Handset

__all__ = ["Conferences", "Room"]


class Room:
    """Everybody hears everybody else. `over` is set when somebody leaves who ends it for all."""

    def __init__(self) -> None:
        self.people: list[Handset] = []
        self.over = asyncio.Event()

    def enter(self, phone: Handset) -> None:
        """Somebody comes in."""
        self.people.append(phone)
        phone.said = partial(self._pass_on, phone)

    def leave(self, phone: Handset, *, ends: bool) -> None:
        """Somebody goes, and the others with them if that `ends` it."""
        self.people.remove(phone)
        phone.said = None
        if ends:
            self.over.set()

    def _pass_on(self, speaker: Handset, frame: bytes) -> None:
        for phone in self.people:
            if phone is not speaker:
                phone.ear.prompts.put(frame)


class Conferences:
    """The rooms of one cloud, by their names."""

    def __init__(self) -> None:
        self.rooms: dict[str, Room] = {}

    def room(self, name: str) -> Room:
        """The room of that name: the one where people are, else a new one."""
        known = self.rooms.get(name)
        if known is None or known.over.is_set() or not known.people:
            known = self.rooms[name] = Room()
        return known
