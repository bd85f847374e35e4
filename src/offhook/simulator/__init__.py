"""Synthetic callers that phone an agent and judge it, and the load that measures the server.

From a test: read a scenario with `load_scenario`, make its calls with `run_scenario`, and assert that each report
`passed`. docs/simulator.md has the rest.
"""

from offhook.simulator.audiosocket import Address
from offhook.simulator.equipment import Equipment, local_equipment
from offhook.simulator.reports import CallReport
from offhook.simulator.scenario import Scenario
from offhook.simulator.scenario_files import load_scenario, parse_scenario
from offhook.simulator.simulation import run_scenario

__all__ = [
    "Address",
    "CallReport",
    "Equipment",
    "Scenario",
    "load_scenario",
    "local_equipment",
    "parse_scenario",
    "run_scenario",
]
