from offhook.calls.keypad import Keypad


def test_keys_end_at_the_hash() -> None:
    keypad = Keypad()
    assert [keypad.press(digit, 0) for digit in "12#"] == ["", "", "12#"]
    assert not keypad.waiting


def test_keys_end_after_a_pause() -> None:
    keypad = Keypad(pause_ms=1000)
    keypad.press("7", 100)
    assert keypad.waiting
    assert keypad.tick(1080) == ""
    assert keypad.tick(1100) == "7"
    assert keypad.tick(9000) == ""


def test_a_stuck_key_ends_at_a_bound() -> None:
    keypad = Keypad()
    assert [len(keypad.press("1", 0)) for _ in range(64)][-1] == 64
