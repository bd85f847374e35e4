"""What a speech-to-speech session is told to say, and told of what it cannot hear."""

__all__ = ["ANSWER_NOW", "GO_ON", "keys_pressed", "verbatim"]

ANSWER_NOW = "Answer the caller's last words now, or what the last tool told. Do not greet the caller again."
GO_ON = (
    "You were cut off in the middle of your last sentence. Go on from exactly where it stops, without repeating what"
    " you have said and without excusing yourself."
)


def verbatim(line: str) -> str:
    """The instruction to say `line` and no more."""
    return f'Say exactly this to the caller, word for word, and nothing else: "{line}"'


def keys_pressed(digits: str) -> str:
    """What the keypad told, as a text of the caller."""
    return f"[keypad] {digits}"
