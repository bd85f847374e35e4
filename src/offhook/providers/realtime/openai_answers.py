"""The answers of a session at OpenAI: which are under way, which are wanted next, and what their tools still owe.

A conversation has one answer at a time; the server begins those to the caller's turns by itself, and we ask for the
others. No I/O.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import count

__all__ = ["Answer", "Answers", "Want"]

_KEPT = 32


@dataclass(slots=True)
class Want:
    """An answer that is wanted. A plain one, without instructions, is given by any answer that begins later."""

    instructions: str = ""
    id: str = ""
    cancelled: bool = False


@dataclass(slots=True)
class Answer:
    """One answer. `dropped`: whatever else comes of it is not told. `calls` have no result yet."""

    id: str
    instructions: str = ""
    dropped: bool = False
    done: bool = False
    gave: bool = False
    goes_on: bool = False
    items: list[str] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)


class Answers:
    """`caller_speaks` and `owed`, an answer that the server is about to begin, hold back what waits."""

    def __init__(self) -> None:
        self.caller_speaks = False
        self.owed = False
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._active: dict[str, Answer] = {}
        self._wants: list[Want] = []
        self._asked: Want | None = None
        self._numbers = count(1)

    @property
    def waiting(self) -> bool:
        """Whether the server should be about to say something."""
        return bool(self._active) or self.owed or self._asked is not None

    @property
    def active(self) -> list[Answer]:
        """The answers under way."""
        return list(self._active.values())

    def want(self, instructions: str = "") -> None:
        """Another answer is wanted, once there is room for it."""
        if instructions or all(want.instructions for want in self._wants):
            self._wants.append(Want(instructions))

    def forget_wants(self) -> None:
        """Nothing is wanted any more, nor what was asked for."""
        self._wants.clear()
        if self._asked:
            self._asked.cancelled = True

    def next(self) -> Want | None:
        """The answer to ask for now, with an id; it counts as asked for."""
        if self.waiting:
            return None
        # While the caller speaks, plain answers wait: the one to this turn may do for them.
        ready = (want for want in self._wants if want.instructions or not self.caller_speaks)
        want = next(ready, None)
        if want:
            self._wants.remove(want)
            want.id = f"offhook_response_{next(self._numbers)}"
            self._asked = want
        return want

    def refused(self, want_id: str, *, later: bool) -> bool:
        """The server did not begin what was asked for as `want_id`; `later` it may. False if that was not asked."""
        want = self._asked
        if want is None or want.id != want_id:
            return False
        self._asked = None
        if later and not want.cancelled:
            self._wants.insert(0, want)
            # Another answer is under way, whose beginning we may yet have to hear of.
            self.owed = not self._active
        return True

    def begin(self, answer_id: str, request: str) -> tuple[Answer, bool]:
        """An answer began, and quotes `request`. True if it is one that was cancelled before."""
        answer = self.get(answer_id)
        if answer.done:
            return answer, False
        self._active[answer_id] = answer
        want = self._asked
        if want and (request == want.id or not self.owed):
            self._asked = None
            answer.instructions = want.instructions
            return answer, want.cancelled
        self.owed = False
        self._wants = [want for want in self._wants if want.instructions]
        return answer, False

    def end(self, answer_id: str, request: str) -> Answer:
        """An answer ended, perhaps one whose beginning was not told."""
        if answer_id not in self._active:
            self.begin(answer_id, request)
        self._active.pop(answer_id, None)
        answer = self.get(answer_id)
        answer.done = True
        self._prune()
        return answer

    def get(self, answer_id: str) -> Answer:
        """The answer of that id, which may be new."""
        return self._answers.setdefault(answer_id, Answer(answer_id))

    def result(self, call_id: str, *, answer: bool) -> bool:
        """A tool gave its result; False if nobody waits for it. `settle` what it brings."""
        for each in self._answers.values():
            if call_id in each.calls:
                each.calls.discard(call_id)
                each.goes_on |= answer
                self.settle(each)
                return True
        return False

    def settle(self, answer: Answer) -> None:
        """Want another answer if this one ended, and all its tools gave their results."""
        if answer.done and answer.goes_on and not answer.calls:
            answer.goes_on = False
            self.want()

    def _prune(self) -> None:
        settled = [each.id for each in self._answers.values() if each.done and not each.calls]
        for answer_id in settled[:-_KEPT]:
            del self._answers[answer_id]
