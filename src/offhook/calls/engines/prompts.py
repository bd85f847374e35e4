"""What models are told to say, and told of what they cannot hear."""

from offhook.config.languages import language_name
from offhook.providers.realtime.verbatim import verbatim

__all__ = ["ANSWER_NOW", "GO_ON", "keys_pressed", "nearly_over", "now_talks", "verbatim"]

ANSWER_NOW = "Answer the caller's last words now, or what the last tool told. Do not greet the caller again."
GO_ON = (
    "You were cut off in the middle of your last sentence. Go on from exactly where it stops, without repeating what"
    " you have said and without excusing yourself."
)


def keys_pressed(digits: str) -> str:
    """What the keypad told, as a text of the caller."""
    return f"[keypad] {digits}"


def nearly_over(left_s: int) -> str:
    """A note that the call will end in `left_s` seconds."""
    return (
        f"This call will be ended in {left_s} seconds. From now on bring it to an end: settle what is open in as few"
        " words as you can, begin nothing new, and say goodbye."
    )


def now_talks(language: str) -> str:
    """A note that the agent talks another language from here on."""
    return f"From here on talk {language_name(language)} with the caller."
