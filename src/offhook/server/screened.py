"""Joins a call that we placed to the engine that finds out who answered."""

from offhook.calls.engines.base import CallHandle, Engine, EngineFactory
from offhook.calls.engines.screening import CarrierVerdict, Screen, Screening
from offhook.calls.placeholders import fill
from offhook.carriers.outbound import Dialler
from offhook.carriers.placed import PlacedCall
from offhook.config import AgentSettings

__all__ = ["screened"]


def screened(engine: EngineFactory, placed: PlacedCall, agent: AgentSettings, dialler: Dialler) -> EngineFactory:
    """`engine`, held back until it is known whether a person answered `placed`."""
    screen = Screen(
        "own" if placed.judge == "own" else "carrier",
        agent.machine,
        fill(agent.machine_message, placed.variables),
        lambda: _verdict(placed),
        lambda verdict: dialler.progress(placed.id, verdict, "by timing"),
    )

    def make(call: CallHandle) -> Engine:
        return Screening(call, engine(call), screen)

    return make


def _verdict(placed: PlacedCall) -> CarrierVerdict:
    step = placed.verdict
    if step is None:
        return ""
    if step.state == "human":
        return "human"
    # Twilio's machine_end_beep, machine_end_silence and machine_end_other.
    return "machine_done" if step.detail.startswith("machine_end") else "machine"
