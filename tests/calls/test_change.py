from offhook.calls.change import NO_CHANGE, Change


def test_what_it_changes() -> None:
    assert NO_CHANGE.names == ()
    assert Change(instructions="", tools=()).names == ("instructions", "tools")


def test_a_later_change_takes_the_place_of_what_it_names() -> None:
    both = Change(instructions="Be brief.", voice="calm", line="Hi.").then(Change(voice="loud", tools=("end_call",)))
    assert both == Change(instructions="Be brief.", voice="loud", tools=("end_call",))


def test_turns_are_joined_one_setting_at_a_time() -> None:
    both = Change(turns={"silence_ms": 900, "barge_in": False}).then(Change(turns={"silence_ms": 700}))
    assert both.turns == {"silence_ms": 700, "barge_in": False}


def test_a_language_voids_what_was_changed_before() -> None:
    before = Change(instructions="Be brief.", voice="calm", tools=("end_call",), turns={"silence_ms": 900})
    assert before.then(Change(language="es", voice="loud")) == Change(language="es", voice="loud")
    assert Change(language="es").then(Change(instructions="Be long.")) == Change("Be long.", language="es")
