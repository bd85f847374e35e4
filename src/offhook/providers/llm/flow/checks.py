"""Whether a flow holds together: every name exists, every state can be reached, nothing is left unsaid."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from offhook.providers.llm.flow.model import Flow, Slot, State

__all__ = ["BUILT_IN_TOOLS", "Fault", "faults"]

BUILT_IN_TOOLS: Mapping[str, frozenset[str]] = {
    "take_message": frozenset({"name", "number", "reason"}),
    "check_availability": frozenset({"date", "time", "part"}),
    "book_appointment": frozenset({"date", "time", "name", "number", "reason"}),
    "transfer_call": frozenset({"to", "summary"}),
    "hold": frozenset({"how", "seconds"}),
    "send_dtmf": frozenset({"digits"}),
    "switch_language": frozenset({"language"}),
    "end_call": frozenset({"reason", "disposition", "summary"}),
}
_KEYS_OF_A_KIND = {
    "so_far": "phone",
    "suggest": "phone",
    "lead_ins": "text",
    "lead_outs": "text",
    "choices": "choice",
}
_VARIABLE = re.compile(r"\{([^{}]*)\}")
_ALWAYS = {"business", "caller_number", "value", "what"}
_POLARITY = {"yes", "no"}
_Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong at a key of the file, and what to do."""

    path: _Path
    problem: str
    hint: str


def faults(flow: Flow, tools: Mapping[str, frozenset[str] | None]) -> Iterator[Fault]:
    """Everything wrong with `flow`, whose agent has these tools."""
    yield from _names(flow)
    yield from _slots(flow)
    for name, state in flow.states.items():
        yield from _state(flow, name, state)
        yield from _tool(flow, name, state, tools)
    yield from _variables(flow)
    yield from _unreachable(flow)


def _unknown(path: _Path, what: str, name: str, known: Iterable[str]) -> Fault:
    near = get_close_matches(name, list(known), n=1)
    hint = f'Did you mean "{near[0]}"?' if near else f"There are: {', '.join(sorted(known)) or 'none'}."
    return Fault(path, f'there is no {what} "{name}"', hint)


def _names(flow: Flow) -> Iterator[Fault]:
    for key in ("start", "lost", "fallback"):
        if getattr(flow, key) not in flow.states:
            yield _unknown((key,), "state", getattr(flow, key), flow.states)
    for name, intent in flow.intents.items():
        here = ("intents", name)
        if name in _POLARITY:
            yield Fault(here, f'"{name}" is always understood', "Take another name for this intent.")
        if intent.to and intent.to not in flow.states:
            yield _unknown((*here, "to"), "state", intent.to, flow.states)
        if intent.fills and (intent.fills not in flow.slots or flow.slots[intent.fills].kind != "text"):
            texts = [slot for slot, made in flow.slots.items() if made.kind == "text"]
            yield _unknown((*here, "fills"), "slot of kind text", intent.fills, texts)
        yield from _forgotten(flow, (*here, "forget"), intent.forget)
        if intent.anywhere and not (intent.to or intent.does or intent.say):
            yield Fault(here, "an intent understood anywhere must lead somewhere", "Give it `to`, `does` or `say`.")


def _forgotten(flow: Flow, path: _Path, slots: Iterable[str]) -> Iterator[Fault]:
    for slot in slots:
        if slot not in flow.slots:
            yield _unknown(path, "slot", slot, flow.slots)


def _slots(flow: Flow) -> Iterator[Fault]:
    for name, slot in flow.slots.items():
        here = ("slots", name)
        if slot.confirm != "no" and not slot.read_back:
            yield Fault(
                here, "a slot that is confirmed needs a line to read it back", 'Add read_back = "..." with {value}.'
            )
        if slot.give_up != "skip" and slot.give_up not in flow.states:
            yield _unknown((*here, "give_up"), "state", slot.give_up, ["skip", *flow.states])
        if slot.kind == "phone" and not slot.so_far:
            yield Fault(here, "a phone slot needs a line for half a number", 'Add so_far = "..." with {value}.')
        if not slot.min_digits <= slot.usual_digits <= slot.max_digits:
            yield Fault(here, "min_digits, usual_digits and max_digits are out of order", "Put them in rising order.")
        yield from _only_for(slot, here)


def _only_for(slot: Slot, here: _Path) -> Iterator[Fault]:
    if slot.kind == "choice" and not slot.choices:
        yield Fault(here, "a slot of kind choice needs choices", 'Add choices = { value = ["phrase", ...] }.')
    for key, kind in _KEYS_OF_A_KIND.items():
        if getattr(slot, key) and slot.kind != kind:
            yield Fault((*here, key), f'"{key}" is for slots of kind {kind}', "Remove it, or change the kind.")


def _state(flow: Flow, name: str, state: State) -> Iterator[Fault]:
    here = ("states", name)
    for intent, to in state.on.items():
        if intent not in flow.intents and intent not in _POLARITY:
            yield _unknown((*here, "on", intent), "intent", intent, [*flow.intents, *_POLARITY])
        if to not in flow.states:
            yield _unknown((*here, "on", intent), "state", to, flow.states)
    for slot, to in state.changed.items():
        if slot not in flow.slots:
            yield _unknown((*here, "changed", slot), "slot", slot, flow.slots)
        if to not in flow.states:
            yield _unknown((*here, "changed", slot), "state", to, flow.states)
    yield from _forgotten(flow, (*here, "collect"), state.collect)
    yield from _forgotten(flow, (*here, "forget"), state.forget)
    yield from _way_out(flow, here, state)


def _way_out(flow: Flow, here: _Path, state: State) -> Iterator[Fault]:
    ways = [bool(state.ask), bool(state.next), state.end]
    if sum(ways) > 1 or (not any(ways) and not state.tool):
        yield Fault(here, "a state needs exactly one of `ask`, `next`, `end` (or a tool)", "Say what comes after it.")
    if state.next and state.next not in flow.states:
        yield _unknown((*here, "next"), "state", state.next, flow.states)
    if state.ask and not state.again:
        yield Fault(here, "a state that asks needs a line for when it does not understand", 'Add again = "...".')
    if state.ask and not state.on:
        yield Fault(here, "a state that asks needs intents", "Add an `on` table: intent = state.")
    if state.end and not state.say:
        yield Fault(here, "a state that ends the call must say goodbye", 'Add say = "...".')


def _tool(flow: Flow, name: str, state: State, tools: Mapping[str, frozenset[str] | None]) -> Iterator[Fault]:
    here = ("states", name)
    if not state.tool:
        if state.outcomes or state.arguments:
            yield Fault(here, "`arguments` and `outcomes` belong to a tool", "Add tool = ..., or remove them.")
        return
    if state.tool not in tools:
        yield _unknown((*here, "tool"), "tool", state.tool, tools)
    known = tools.get(state.tool)
    for argument in state.arguments:
        if known is not None and argument not in known:
            yield _unknown((*here, "arguments", argument), f"argument of {state.tool}", argument, known)
    if not state.next and "else" not in state.outcomes:
        yield Fault(here, "the tool's result may be one that no outcome names", "Add `next`, or outcomes.else.")
    for status, outcome in state.outcomes.items():
        if outcome.to and outcome.to not in flow.states:
            yield _unknown((*here, "outcomes", status, "to"), "state", outcome.to, flow.states)
        if not outcome.to and not state.next:
            yield Fault((*here, "outcomes", status), "the outcome leads nowhere", "Add `to`, or `next` to the state.")
        yield from _forgotten(flow, (*here, "outcomes", status, "forget"), outcome.forget)
        yield from _forgotten(flow, (*here, "outcomes", status, "fill"), outcome.fill)


def _variables(flow: Flow) -> Iterator[Fault]:
    for path, line in _strings(flow.model_dump(include={"lines", "intents", "slots", "states"}), ()):
        for variable in _VARIABLE.findall(line):
            if variable not in flow.slots and variable not in _ALWAYS and not variable.startswith("result."):
                yield _unknown(path, "slot", variable, [*flow.slots, *_ALWAYS, "result.<name>"])


def _strings(value: object, path: _Path) -> Iterator[tuple[_Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _strings(inner, (*path, key))
    elif isinstance(value, tuple | list):
        for place, inner in enumerate(value):
            yield from _strings(inner, (*path, place))


def _unreachable(flow: Flow) -> Iterator[Fault]:
    seen: set[str] = set()
    ahead = [flow.start, flow.lost, flow.fallback, *(intent.to for intent in flow.intents.values() if intent.anywhere)]
    ahead += [slot.give_up for slot in flow.slots.values()]
    while ahead:
        name = ahead.pop()
        if name in flow.states and name not in seen:
            seen.add(name)
            ahead += _leads_to(flow, flow.states[name])
    for name in flow.states:
        if name not in seen:
            yield Fault(
                ("states", name), f'nothing leads to the state "{name}"', "Name it in another state, or remove it."
            )


def _leads_to(flow: Flow, state: State) -> list[str]:
    outcomes = [outcome.to for outcome in state.outcomes.values()]
    return [state.next, *state.on.values(), *state.changed.values(), *outcomes]
