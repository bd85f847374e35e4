"""The files for Asterisk in deploy/: what is wrong in a dialplan is seen there only when a call comes by."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from offhook.config import AriSettings, AsteriskSettings, Settings
from offhook.server.asterisk_websocket import MEDIA_PATH

FOLDER = Path(__file__).parent.parent / "deploy" / "asterisk"
FILES = sorted(FOLDER.glob("*.conf"))
DIALPLAN = FOLDER / "extensions_offhook.conf"
NAMES = (
    "extensions_offhook",
    "manager_offhook",
    "pjsip_offhook",
    "queues_offhook",
    "websocket_client_offhook",
    "ari_offhook",
    "http_offhook",
)

_SECTION = re.compile(r"\[([A-Za-z0-9_-]+)\](\(!\)|\([A-Za-z0-9-]+\))?")
_SETTING = re.compile(r"[A-Za-z_-]+ =>? \S.*")
_STEP = re.compile(r"(?:exten => ([^,]+)|same) ?(?:=> n|,1)(?:\((\w+)\))?,([A-Za-z]+)\((.*)\)")
_JUMP = re.compile(r"(offhook-[a-z-]+),([^,():]+),(\w+)")
APPLICATIONS = {
    "Answer": "the core",
    "BackGround": "the core",
    "Background": "the core",
    "Goto": "the core",
    "GotoIf": "the core",
    "Hangup": "the core",
    "NoOp": "the core",
    "Set": "the core",
    "WaitExten": "the core",
    "Dial": "app_dial",
    "Gosub": "app_stack",
    "GosubIf": "app_stack",
    "Return": "app_stack",
    "MixMonitor": "app_mixmonitor",
    "StopMixMonitor": "app_mixmonitor",
    "Playback": "app_playback",
    "Queue": "app_queue",
    "ExecIf": "app_exec",
    "TryExec": "app_exec",
    "Verbose": "app_verbose",
    "Stasis": "app_stasis",
}


class Step(NamedTuple):
    """One priority of an extension."""

    number: int
    label: str
    application: str
    arguments: str


def lines(file: Path) -> Iterator[tuple[int, str]]:
    """What is no comment, with its line."""
    for number, line in enumerate(file.read_text().splitlines(), 1):
        text = line.strip()
        if text and not text.startswith(";"):
            yield number, text


def dialplan() -> dict[str, dict[str, list[Step]]]:
    """Contexts, their extensions, and their steps."""
    contexts: dict[str, dict[str, list[Step]]] = {}
    steps: list[Step] = []
    for number, line in lines(DIALPLAN):
        section = _SECTION.fullmatch(line)
        if section:
            extensions = contexts.setdefault(section[1], {})
            continue
        step = _STEP.fullmatch(line)
        assert step, f"line {number}: {line}"
        if step[1]:
            assert step[1] not in extensions, f"line {number}: a second {step[1]}"
            steps = extensions.setdefault(step[1], [])
        steps.append(Step(number, step[2] or "", step[3], step[4]))
    return contexts


PLAN = dialplan()
STEPS = [
    pytest.param(step, id=f"{context}:{extension}:{position}")
    for context, extensions in PLAN.items()
    for extension, steps in extensions.items()
    for position, step in enumerate(steps, 1)
]


def matches(pattern: str, extension: str) -> bool:
    """Whether an extension of the dialplan takes `extension`, whose variables match anything."""
    if not pattern.startswith("_"):
        return pattern == extension or "${" in extension
    return "${" in extension


def settings(file: Path) -> dict[str, dict[str, str]]:
    """The settings of each section; several sections of a name are put together."""
    sections: dict[str, dict[str, str]] = {}
    for number, line in lines(file):
        section = _SECTION.fullmatch(line)
        if section:
            name = section[1]
            sections.setdefault(name, {})
        else:
            assert _SETTING.fullmatch(line), f"{file.name}:{number}: {line}"
            key, _, value = line.partition("=")
            sections[name][key.strip()] = value.removeprefix(">").strip()
    return sections


def test_the_files() -> None:
    assert [file.stem for file in FILES] == sorted(NAMES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_lines_are_short_and_without_tabs(file: Path) -> None:
    for number, line in enumerate(file.read_text().splitlines(), 1):
        assert len(line) <= 120, f"{file.name}:{number}"
        assert "\t" not in line, f"{file.name}:{number}"


@pytest.mark.parametrize("file", [file for file in FILES if file != DIALPLAN], ids=lambda file: file.stem)
def test_every_line_is_a_setting_of_a_section(file: Path) -> None:
    assert settings(file)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_readme_names_every_file(file: Path) -> None:
    assert file.name in (FOLDER / "README.md").read_text()


class TestDialplan:
    @pytest.mark.parametrize("step", STEPS)
    def test_the_application_exists_and_its_module_is_named(self, step: Step) -> None:
        module = APPLICATIONS[step.application]
        assert module == "the core" or module in (FOLDER / "README.md").read_text()

    @pytest.mark.parametrize("step", STEPS)
    def test_brackets_and_quotes_are_even(self, step: Step) -> None:
        for opening, closing in ("()", "{}", "[]"):
            depth = 0
            for sign in step.arguments:
                depth += (sign == opening) - (sign == closing)
                assert depth >= 0, step
            assert depth == 0, step
        assert step.arguments.count('"') % 2 == 0

    def test_busy_is_told_to_who_placed_the_call(self) -> None:
        for name, steps in PLAN["offhook-outbound"].items():
            if any(step.application == "Dial" for step in steps):
                assert steps[-1].arguments == "offhook-unanswered,s,1", name
        assert "Busy" in PLAN["offhook-unanswered"]["s"][0].arguments

    @pytest.mark.parametrize("step", STEPS)
    def test_jumps_lead_to_where_there_is_something(self, step: Step) -> None:
        for context, extension, priority in _JUMP.findall(step.arguments.replace("${ID}", "")):
            places = [name for name in PLAN[context] if matches(name, extension)]
            assert places, step
            assert priority == "1" or any(priority == each.label for name in places for each in PLAN[context][name])

    def test_each_way_to_an_agent_is_a_context_that_takes_numbers(self) -> None:
        text = DIALPLAN.read_text()
        ways = re.findall(r"^;   (offhook-\w+) ", text, re.MULTILINE)
        assert len(ways) == 4
        for way in ways:
            (pattern,) = PLAN[way]
            assert pattern == "_[+0-9]!"
            assert PLAN[way][pattern][-1].application == "Return"
            assert any("OFFHOOK_RESULT=" in step.arguments for step in PLAN[way][pattern])
        (way,) = re.findall(r"Set\(OFFHOOK_WAY=(\S+)\)", text)
        assert way in ways

    def test_every_extension_comes_to_an_end(self) -> None:
        ends = {"Hangup", "Return", "Goto", "WaitExten"}
        for context, extensions in PLAN.items():
            for extension, steps in extensions.items():
                assert steps[-1].application in ends, (context, extension)

    def test_every_context_can_be_reached(self) -> None:
        text = DIALPLAN.read_text()
        entrances = {"offhook-inbound", "offhook-transfers", "offhook-outbound"}
        entrances |= {
            "offhook-audiosocket",
            "offhook-wide",
            "offhook-websocket",
            "offhook-stasis",
        }  # ${OFFHOOK_WAY} is one of them
        for context in PLAN:
            assert context in entrances or re.search(rf"(\(|\?|=){context}[,)]", text), context

    def test_the_id_of_a_call_is_a_uuid_and_new_for_each_conversation(self) -> None:
        ids = [step for steps in PLAN["offhook-talk"].values() for step in steps if step.arguments.startswith("ID=")]
        assert [step.arguments for step in ids] == ["ID=${UUID()}"]
        assert "uniqueid" not in DIALPLAN.read_text()
        used = [step.arguments for steps in PLAN["offhook-audiosocket"].values() for step in steps]
        assert used[0] == "AudioSocket(${ID},${OFFHOOK_AUDIOSOCKET})"

    def test_the_channel_is_answered_before_there_is_an_agent(self) -> None:
        (steps,) = PLAN["offhook-talk"].values()
        order = [step.application for step in steps]
        way = next(at for at, step in enumerate(steps) if "${OFFHOOK_WAY}" in step.arguments)
        assert order.index("Answer") < way

    def test_recording_does_not_wait_for_a_bridge(self) -> None:
        recordings = [
            step
            for each in PLAN.values()
            for steps in each.values()
            for step in steps
            if step.application == "MixMonitor"
        ]
        assert recordings
        for step in recordings:
            _, _, options = step.arguments.partition(",")
            assert "b" not in options.partition(",")[0]

    def test_people_are_not_recorded_behind_the_agents_back(self) -> None:
        for context, dials in (("offhook-queue", "Queue"), ("offhook-connect", "Dial")):
            order = [step.application for step in PLAN[context]["s"]]
            assert order.index("StopMixMonitor") < order.index(dials)

    def test_the_drivers_name_a_codec_and_go_on(self) -> None:
        for way in ("offhook-wide", "offhook-websocket"):
            (steps,) = PLAN[way].values()
            (dial,) = [step for step in steps if step.application == "Dial"]
            assert re.search(r"/c\((ulaw|slin16)\)", dial.arguments)
            assert dial.arguments.endswith(",,g")
        assert "f(json)" in dial.arguments
        assert "v(" not in dial.arguments

    def test_what_offhook_is_told_is_inherited(self) -> None:
        (steps,) = PLAN["offhook-websocket"].values()
        told = dict(step.arguments.split("=", 1) for step in steps if step.arguments.startswith("__"))
        assert told["__OFFHOOK_CALL"] == "${ID}"
        assert told["__OFFHOOK_CHANNEL"] == "${UNIQUEID}"
        assert {"__OFFHOOK_FROM", "__OFFHOOK_TO"} <= told.keys()

    def test_nobody_is_called_at_a_premium_number(self) -> None:
        for context in ("offhook-outbound", "offhook-transfers"):
            (steps,) = [steps for name, steps in PLAN[context].items() if name.startswith("_+1900")]
            assert not any(step.application == "Dial" or "connect" in step.arguments for step in steps)
        for context in ("offhook-outbound", "offhook-transfers", "offhook-inbound"):
            assert not {"_.", "_X.", "_+X."} & PLAN[context].keys()


def test_the_settings_that_the_files_ask_for_can_be_set() -> None:
    told = re.findall(r"asterisk\.(\w+) = \"([^\"]+)\"", DIALPLAN.read_text())
    assert dict(told) == {
        "transfer_context": "offhook-transfers",
        "dial_template": "Local/{number}@offhook-outbound/n",
    }
    AsteriskSettings.model_validate(dict(told))


def test_the_manager_user_may_do_what_is_needed_and_no_more() -> None:
    user = settings(FOLDER / "manager_offhook.conf")["offhook"]
    assert user["read"] == "call,dialplan"
    assert set(user["write"].split(",")) == {"call", "originate", "reporting", "system"}
    assert user["deny"] == "0.0.0.0/0.0.0.0"
    assert user["permit"].startswith("127.0.0.1/")
    for event in ("VarSet", "Newexten", "DialBegin", "Newstate", "Hangup", "OriginateResponse", "CoreShowChannel"):
        assert event in user["eventfilter"]


def test_the_websocket_connects_to_where_offhook_is() -> None:
    connection = settings(FOLDER / "websocket_client_offhook.conf")["offhook"]
    assert connection["uri"] == f"ws://127.0.0.1:{Settings().server.http_port}{MEDIA_PATH}"
    assert (connection["protocols"], connection["connection_type"]) == ("media", "per_call_config")


def test_the_rest_interface_is_where_offhook_looks_for_it_and_for_nobody_else() -> None:
    http, user = settings(FOLDER / "http_offhook.conf")["general"], settings(FOLDER / "ari_offhook.conf")["offhook"]
    assert AriSettings().url == f"http://{http['bindaddr']}:{http['bindport']}"
    assert (user["type"], user["read_only"]) == ("user", "no")
    (steps,) = PLAN["offhook-stasis"].values()
    (stasis,) = [step.arguments for step in steps if step.application == "Stasis"]
    assert stasis == AriSettings().app


def test_names_of_other_files_are_the_same_everywhere() -> None:
    plan = DIALPLAN.read_text()
    values = dict(re.findall(r"Set\((OFFHOOK_\w+)=(\S+)\)", plan))
    assert values["OFFHOOK_QUEUE"] in settings(FOLDER / "queues_offhook.conf")
    assert values["OFFHOOK_WEBSOCKET"] in settings(FOLDER / "websocket_client_offhook.conf")
    assert values["OFFHOOK_TRUNK"] in settings(FOLDER / "pjsip_offhook.conf")
    assert values["OFFHOOK_AUDIOSOCKET"] == f"{Settings().audiosocket.host}:{Settings().audiosocket.port}"
    assert "offhook-inbound" in plan
