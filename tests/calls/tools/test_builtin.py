from offhook.calls.tools.builtin import builtin_tools
from offhook.config import TransferSettings
from offhook.config.tools import BUILTIN_TOOLS, USUAL_TOOLS
from offhook.providers.llm.flow import load_facts

PLACES = {"sales": TransferSettings(to="+15550100")}


def test_all_of_them_are_there_if_nothing_else_is_asked_for() -> None:
    assert tuple(tool.spec.name for tool in builtin_tools(load_facts(), PLACES, languages=("en", "es"))) == USUAL_TOOLS


def test_every_name_is_that_of_a_tool() -> None:
    assert {
        tool.spec.name for tool in builtin_tools(load_facts(), PLACES, BUILTIN_TOOLS, languages=("en", "es"))
    } == set(BUILTIN_TOOLS)


def test_the_ways_to_end_a_call_are_those_of_the_agent() -> None:
    (tool,) = builtin_tools(load_facts(), names=("end_call",), dispositions=("sale", "callback"))
    assert tool.spec.parameters["properties"]["disposition"]["enum"] == ["sale", "callback"]
    assert tool.spec.parameters["required"] == ["disposition"]


def test_an_agent_has_the_tools_that_it_names() -> None:
    tools = builtin_tools(load_facts(), PLACES, ("end_call", "take_message", "something_else"))
    assert [tool.spec.name for tool in tools] == ["take_message", "end_call"]


def test_an_agent_without_places_to_transfer_to_cannot_transfer() -> None:
    assert "transfer_call" not in [tool.spec.name for tool in builtin_tools(load_facts())]
