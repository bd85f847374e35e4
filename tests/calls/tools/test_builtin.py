from offhook.calls.tools.builtin import builtin_tools
from offhook.config.tools import BUILTIN_TOOLS
from offhook.providers.llm.flow import load_facts


def test_all_of_them_are_there_if_nothing_else_is_asked_for() -> None:
    assert tuple(tool.spec.name for tool in builtin_tools(load_facts(), {"sales": "+15550100"})) == BUILTIN_TOOLS


def test_an_agent_has_the_tools_that_it_names() -> None:
    tools = builtin_tools(load_facts(), {"sales": "+15550100"}, ("end_call", "take_message", "something_else"))
    assert [tool.spec.name for tool in tools] == ["take_message", "end_call"]


def test_an_agent_without_places_to_transfer_to_cannot_transfer() -> None:
    assert "transfer_call" not in [tool.spec.name for tool in builtin_tools(load_facts())]
