"""The same agent for a language model: its flow and facts as instructions."""

from collections.abc import Iterator

from offhook.providers.llm.flow.facts import Facts
from offhook.providers.llm.flow.model import Flow, State

__all__ = ["instructions_for_llm"]

_PHONE_STYLE = (
    "You are on the telephone. Speak in short, plain sentences, one or two at a time.",
    "Ask one question at a time and wait for the answer.",
    "Write only words to be spoken: no lists, no headings, no markdown, no emoji, no stage directions.",
    "The caller's words come from speech recognition: expect misheard names and numbers, and ask if in doubt.",
    "Read telephone numbers, days and times back and get a yes before you use them. Spell a name back if in doubt.",
    "If you do not understand twice, offer the keypad for numbers, and spelling for names.",
    "When the caller asks for it, repeat what you said, or spell it back.",
    "Use only the facts below. If they do not answer a question, say that you do not know and offer to take a message.",
    "Never make up an appointment, a price or a promise. Something is booked or noted only when the tool says so.",
    "If a tool returns an error, say that it did not work and offer another way.",
    "When the caller has nothing more, say goodbye and call end_call.",
)


def instructions_for_llm(flow: Flow, facts: Facts) -> str:
    """A system prompt with which a language model does this flow's job with the same tools."""
    sections = (
        ("Who you are", [_who(flow, facts)]),
        ("How you speak", _PHONE_STYLE),
        ("What callers want", list(_wants(flow))),
        ("What to find out", list(_slots(flow))),
        ("How to use the tools", list(_tools(flow))),
        ("Facts", list(_facts(facts))),
    )
    return "\n\n".join(f"# {title}\n" + "\n".join(f"- {line}" for line in lines) for title, lines in sections if lines)


def _who(flow: Flow, facts: Facts) -> str:
    about = f" {facts.business.about}" if facts.business.about else ""
    manner = f" {flow.persona.manner}" if flow.persona.manner else ""
    return f"You are the {flow.persona.name} of {facts.business.name}, and you answer its telephone.{about}{manner}"


def _wants(flow: Flow) -> Iterator[str]:
    for intent in flow.intents.values():
        if intent.about:
            yield intent.about + (f' Say: "{intent.say[0]}"' if intent.say else "")


def _slots(flow: Flow) -> Iterator[str]:
    for name, slot in flow.slots.items():
        confirm = " Read it back and wait for a yes." if slot.confirm == "explicit" else ""
        choices = f" One of {', '.join(slot.choices)}." if slot.choices else ""
        yield f"{name}: {slot.about or slot.kind}.{choices}{confirm}"


def _tools(flow: Flow) -> Iterator[str]:
    for state in flow.states.values():
        if state.tool:
            yield f"{state.tool}: {_use(state)}"
    yield "end_call: call it after you have said goodbye."


def _use(state: State) -> str:
    arguments = ", ".join(f"{key} ({template})" for key, template in state.arguments.items())
    results = [f'"{status}": {outcome.say[0]}' for status, outcome in state.outcomes.items() if outcome.say]
    return f"arguments {arguments}." + (
        f" By the status of its result say, for example, {'; '.join(results)}" if results else ""
    )


def _facts(facts: Facts) -> Iterator[str]:
    if facts.hours.known:
        yield f"Opening hours: {facts.hours.said()}."
    for day in sorted(facts.hours.except_on):
        yield f"Not as usual: {facts.hours.said_on(day, day).replace('today, ', '')}."
    yield f"Appointments take {facts.calendar.slot_minutes} minutes each."
    for fact in facts.facts:
        topic = (*fact.keywords, *fact.ask)[0] if (fact.keywords or fact.ask) else "Also"
        yield f"{topic}: {fact.answer[0]}"
