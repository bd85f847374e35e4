from pathlib import Path

import pytest

from offhook.calls.turns import Turns
from offhook.events import CallTrouble, EndReason
from tests.calls.rig import Rig


@pytest.mark.parametrize("evidence", ["transcribed", "voice"])
async def test_a_fault_in_taking_turns_ends_the_call_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evidence: str
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a fault")

    rig = Rig(tmp_path).answer()
    await rig.until_quiet()
    monkeypatch.setattr(Turns, evidence, fails)
    await rig.speak("Hello?")
    assert rig.leg.closed == [EndReason.ERROR]
    if evidence == "transcribed":
        assert [event.what for event in rig.all(CallTrouble)] == ["turn"]
