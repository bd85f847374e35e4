from offhook.calls.tools.builtin import builtin_tools
from offhook.config import TransferSettings
from offhook.config.tools import BUILTIN_TOOLS
from offhook.providers.llm.flow import load_facts
from offhook.providers.llm.flow.checks import BUILT_IN_TOOLS


def test_the_built_in_tools_are_the_ones_there_are() -> None:
    places = {"sales": TransferSettings(to="+15550100", warm=True)}
    specs = [tool.spec for tool in builtin_tools(load_facts(), places, BUILTIN_TOOLS, languages=("en", "es"))]
    assert {spec.name: frozenset(spec.parameters["properties"]) for spec in specs} == dict(BUILT_IN_TOOLS)
