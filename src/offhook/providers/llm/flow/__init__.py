"""The local responder: a conversation written as states, intents, slots and facts in TOML, with no model behind it."""

from offhook.providers.llm.flow.facts import Facts
from offhook.providers.llm.flow.instructions import instructions_for_llm
from offhook.providers.llm.flow.loading import load_facts, load_flow
from offhook.providers.llm.flow.model import Flow
from offhook.providers.llm.flow.responder import FlowFactory, FlowResponder

__all__ = ["Facts", "Flow", "FlowFactory", "FlowResponder", "instructions_for_llm", "load_facts", "load_flow"]
