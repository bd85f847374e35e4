from offhook.calls.tools.builtin import builtin_tools
from offhook.providers.llm.flow import load_facts
from offhook.providers.llm.flow.checks import BUILT_IN_TOOLS


def test_the_built_in_tools_are_the_ones_there_are() -> None:
    specs = [tool.spec for tool in builtin_tools(load_facts())]
    assert {spec.name: frozenset(spec.parameters["properties"]) for spec in specs} == dict(BUILT_IN_TOOLS)
