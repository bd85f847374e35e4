"""What an agent knows and may do, whichever engine talks for it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from offhook.calls.tools.base import Tool
from offhook.calls.tools.builtin import builtin_tools
from offhook.config import AgentSettings
from offhook.config.languages import language_name
from offhook.providers.llm.flow import Facts, Flow, instructions_for_llm, load_facts, load_flow

__all__ = ["Business", "business_of"]


@dataclass(frozen=True, slots=True)
class Business:
    """An agent with the name of its business in its greeting, its flow and facts, and what they make of a model."""

    agent: AgentSettings
    flow: Flow
    facts: Facts
    instructions: str
    tools: Iterable[Tool]


class _Joined:
    """Several sources of tools as one, each asked when a call begins."""

    def __init__(self, *sources: Iterable[Tool]):
        self._sources = sources

    def __iter__(self) -> Iterator[Tool]:
        return chain.from_iterable(self._sources)


def business_of(agent: AgentSettings, more_tools: Iterable[Tool] = (), languages: Sequence[str] = ()) -> Business:
    """Read the files that an agent names; `more_tools` stand beside the built-in ones, or in their place, and are gone
    through anew for each call. `languages` are all that the agent talks. Raises ConfigError."""
    own = {tool.spec.name for tool in more_tools}
    flow, facts = load_flow(agent.flow, tools=own), load_facts(agent.facts)
    named = agent.model_copy(update={"greeting": agent.greeting.replace("{business}", facts.business.name)})
    instructions = agent.instructions or instructions_for_llm(flow, facts)
    if len(languages) > 1:
        instructions = f"{instructions}\n\nTalk {language_name(agent.language)} with the caller."
    names = [name for name in agent.tools if name not in own]
    built_in = builtin_tools(facts, agent.transfers, names, dispositions=agent.dispositions, languages=languages)
    return Business(named, flow, facts, instructions, _Joined(built_in, more_tools))
