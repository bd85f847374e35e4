"""From what happened in a call to what was expected of it."""

from collections.abc import Iterator, Sequence
from statistics import median

from offhook.simulator.ear import Utterance
from offhook.simulator.phone import Phone
from offhook.simulator.phrases import contains
from offhook.simulator.reports import CallReport, Check, Interruption, Line, Turn
from offhook.simulator.scenario import Scenario
from offhook.simulator.script import CallerLine, Note
from offhook.simulator.steps import Backchannel, Cough, Interrupt, Phrases, WaitForAgent

__all__ = ["conversation", "interruptions", "judge", "longest_silence_ms", "turns"]


def conversation(phone: Phone, lines: Sequence[CallerLine]) -> list[Line]:
    """Both sides' lines in the order in which they began."""
    caller = [Line("caller", phone.ms(line.begin), phone.ms(line.end), line.text) for line in lines]
    agent = [Line("agent", phone.ms(said.begin), phone.ms(said.end), said.text or "") for said in phone.ear.utterances]
    return sorted([*caller, *agent], key=lambda line: line.begin_ms)


def turns(phone: Phone, lines: Sequence[CallerLine]) -> list[Turn]:
    """Each caller utterance that asks for an answer, with the first thing the agent began to say after it."""
    asking = [line for line in lines if line.takes_turn]
    following = [line.begin for line in asking[1:]] + [phone.now + 1]
    return [_turn(phone, line, until) for line, until in zip(asking, following, strict=False)]


def _turn(phone: Phone, line: CallerLine, until: int) -> Turn:
    answers = [said for said in phone.ear.utterances if line.end <= said.begin < until]
    reply = round(phone.ms(answers[0].begin - line.end), 1) if answers else None
    return Turn(line.text, round(phone.ms(line.end), 1), _said(answers), reply)


def _said(utterances: Sequence[Utterance]) -> str:
    return " ".join(said.text for said in utterances if said.text)


def interruptions(notes: Sequence[Note]) -> list[Interruption]:
    """How long the agent took to fall silent, for each interruption that came about."""
    return [
        Interruption(note.number, note.step.interrupt, None if note.stop_ms is None else round(note.stop_ms, 1))
        for note in notes
        if isinstance(note.step, Interrupt) and not note.problem
    ]


def longest_silence_ms(lines: Sequence[Line], duration_ms: float) -> float:
    """The longest stretch in which nobody made a sound."""
    longest = heard_until = 0.0
    for line in sorted(lines, key=lambda line: line.begin_ms):
        longest = max(longest, line.begin_ms - heard_until)
        heard_until = max(heard_until, line.end_ms)
    return max(longest, duration_ms - heard_until)


def judge(
    scenario: Scenario,
    notes: Sequence[Note],
    report: CallReport,
    *,
    knows_words: bool,
    faults: Sequence[str] | None = None,
) -> list[Check]:
    """Every expectation of the scenario, inline and of the whole call, and whether it held.

    `faults` is where the agent broke the network's protocol; None where nobody looked.
    """
    if report.problem:
        return [Check("the call could be made", False, report.problem)]
    inline = [check for note in notes for check in _inline(note, knows_words=knows_words)]
    kept = [] if faults is None else [Check("the agent keeps to the protocol", not faults, "; ".join(faults))]
    return [*inline, *_whole(scenario, report, knows_words=knows_words), *kept]


def _inline(note: Note, *, knows_words: bool) -> Iterator[Check]:
    if note.problem:
        yield Check(f"step {note.number} can be done", False, note.problem, note.number)
        return
    match note.step:
        case WaitForAgent():
            yield from _heard(note, note.step, knows_words=knows_words)
        case Interrupt(stop_within_ms=limit):
            yield _within("the agent stops when interrupted", note.stop_ms, limit, "it did not stop", note.number)
        case Backchannel() | Cough() if note.resumed is not None:
            detail = "" if note.resumed else f"silent for more than {note.step.resumes_within_ms} ms after it"
            yield Check("the agent goes on talking", note.resumed, detail, note.number)
        case _:
            return


def _heard(note: Note, step: WaitForAgent, *, knows_words: bool) -> Iterator[Check]:
    said = _said(note.heard)
    if step.matching:
        yield from _words(step.matching, said, note.number, knows_words=knows_words)
    yield from _words(step.agent_says, said, note.number, knows_words=knows_words)
    yield from _words(step.agent_does_not_say, said, note.number, unwanted=True, knows_words=knows_words)
    if step.reply_within_ms is not None:
        yield _within("the agent replies", note.reply_ms, step.reply_within_ms, "it began earlier", note.number)


def _words(
    phrases: Phrases, said: str, step: int | None, *, knows_words: bool, unwanted: bool = False
) -> Iterator[Check]:
    for phrase in phrases:
        what = f'the agent {"does not say" if unwanted else "says"} "{phrase}"'
        held = contains(said, phrase) is not unwanted if knows_words else None
        detail = "not transcribed" if held is None else "" if held else f'it said "{said}"'
        yield Check(what, held, detail, step)


def _within(what: str, took_ms: float | None, limit_ms: float | None, otherwise: str, step: int | None = None) -> Check:
    limit = "" if limit_ms is None else f" within {limit_ms:g} ms"
    if took_ms is None:
        return Check(what + limit, False, otherwise, step)
    return Check(what + limit, limit_ms is None or took_ms <= limit_ms, f"{took_ms:.0f} ms", step)


def _whole(scenario: Scenario, report: CallReport, *, knows_words: bool) -> Iterator[Check]:
    expect = scenario.expect
    said = " ".join(line.text for line in report.lines if line.speaker == "agent")
    yield from _words(expect.agent_says, said, None, knows_words=knows_words)
    yield from _words(expect.agent_never_says, said, None, unwanted=True, knows_words=knows_words)
    if expect.ended_by != "any":
        yield Check(
            f"the {expect.ended_by} ends the call", report.ended_by == expect.ended_by, f"{report.ended_by} did"
        )
    if expect.min_turns:
        answered = len(report.replies_ms)
        yield Check(f"at least {expect.min_turns} turns", answered >= expect.min_turns, f"{answered} were answered")
    yield from _times(scenario, report)


def _times(scenario: Scenario, report: CallReport) -> Iterator[Check]:
    expect, replies = scenario.expect, report.replies_ms
    if expect.reply_within_ms is not None:
        yield _within("every reply", max(replies, default=None), expect.reply_within_ms, "there was none")
    if expect.median_reply_ms is not None:
        yield _within("median reply", median(replies) if replies else None, expect.median_reply_ms, "there was none")
    if expect.stop_within_ms is not None:
        stops = [each.stop_ms for each in report.interruptions]
        slowest = None if None in stops else max((stop for stop in stops if stop is not None), default=None)
        yield _within("every interruption stops the agent", slowest, expect.stop_within_ms, "it did not stop")
    if expect.max_silence_s is not None:
        silence = longest_silence_ms(report.lines, report.duration_ms)
        yield _within("silence ends", silence, expect.max_silence_s * 1000, "")
    if expect.max_duration_s is not None:
        yield _within("the call ends", report.duration_ms, expect.max_duration_s * 1000, "")
