"""Messages of the AudioSocket wire, well and badly formed."""

from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.carriers.audiosocket.wire import (
    KIND_OF_RATE,
    MAX_AUDIO_BYTES,
    RATE_OF_KIND,
    Audio,
    AudioSocketError,
    CallId,
    Dtmf,
    Failure,
    Fault,
    Hangup,
    Kind,
    Message,
    Parser,
    Sender,
    audio_header,
    encode,
)

CALL_ID = UUID("3f2c8d0e-5b1a-4c7e-9a43-0d6c1b2e7f10")
UUID_BYTES = bytes.fromhex("01 0010 3f2c8d0e5b1a4c7e9a430d6c1b2e7f10")
DTMF_BYTES = bytes.fromhex("03 0001 35")
HANGUP_BYTES = bytes.fromhex("00 0000")
ERROR_BYTES = bytes.fromhex("ff 0001 02")
SLIN_BYTES = bytes.fromhex("10 0140") + bytes(range(160)) * 2
SLIN16_BYTES = bytes.fromhex("12 0280") + bytes(range(160)) * 4
MULAW_BYTES = bytes.fromhex("10 00a0") + b"\xff" * 160

SPOKEN = [
    (UUID_BYTES, CallId(CALL_ID)),
    (SLIN_BYTES, Audio(Kind.AUDIO_8K, SLIN_BYTES[3:])),
    (SLIN16_BYTES, Audio(Kind.AUDIO_16K, SLIN16_BYTES[3:])),
    (MULAW_BYTES, Audio(Kind.AUDIO_8K, MULAW_BYTES[3:])),
    (DTMF_BYTES, Dtmf("5")),
    (ERROR_BYTES, Failure(2)),
    (HANGUP_BYTES, Hangup()),
]

audio = st.builds(
    Audio, st.sampled_from(list(RATE_OF_KIND)), st.binary(min_size=1, max_size=400).map(lambda half: half * 2)
)
digits = st.builds(Dtmf, st.sampled_from("0123456789*#ABCD"))
failures = st.builds(Failure, st.integers(0, 255))
after_uuid: st.SearchStrategy[Message] = audio | digits | failures | st.just(Hangup())


def read(data: bytes, sender: Sender = Sender.ASTERISK) -> list[Message]:
    return list(Parser(sender).feed(data))


def fault_of(data: bytes, sender: Sender = Sender.ASTERISK) -> Fault:
    with pytest.raises(AudioSocketError) as caught:
        read(data, sender)
    return caught.value.fault


def identified() -> Parser:
    parser = Parser()
    assert list(parser.feed(UUID_BYTES)) == [CallId(CALL_ID)]
    return parser


def test_every_message_of_asterisk_is_read() -> None:
    assert read(b"".join(data for data, _ in SPOKEN)) == [message for _, message in SPOKEN]


@pytest.mark.parametrize(("data", "message"), SPOKEN)
def test_every_message_is_written_as_asterisk_writes_it(data: bytes, message: Message) -> None:
    assert encode(message) == data


def test_messages_arrive_a_byte_at_a_time() -> None:
    parser = Parser()
    stream = b"".join(data for data, _ in SPOKEN)
    assert [m for at in range(len(stream)) for m in parser.feed(stream[at : at + 1])] == [m for _, m in SPOKEN]
    assert not parser.partial


def test_a_begun_message_is_partial_until_its_last_byte() -> None:
    parser = Parser()
    partial = [parser.partial]
    for part in (UUID_BYTES[:2], UUID_BYTES[2:18], UUID_BYTES[18:]):
        read_now = list(parser.feed(part))
        partial.append(parser.partial)
    assert read_now == [CallId(CALL_ID)]
    assert partial == [False, True, True, False]


def test_rates_and_kinds_are_one_to_one() -> None:
    assert list(KIND_OF_RATE) == [8_000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000]
    assert [int(kind) for kind in RATE_OF_KIND] == list(range(0x10, 0x19))


def test_length_is_big_endian() -> None:
    assert audio_header(Kind.AUDIO_192K, 7_680) == b"\x18\x1e\x00"


def test_the_longest_audio_is_read() -> None:
    message = Audio(Kind.AUDIO_192K, bytes(MAX_AUDIO_BYTES))
    assert list(identified().feed(encode(message))) == [message]


def test_a_server_may_send_audio_and_hangup() -> None:
    assert read(SLIN_BYTES + HANGUP_BYTES, Sender.SERVER) == [Audio(Kind.AUDIO_8K, SLIN_BYTES[3:]), Hangup()]


@pytest.mark.parametrize("data", [UUID_BYTES, DTMF_BYTES, ERROR_BYTES])
def test_a_server_may_send_nothing_else(data: bytes) -> None:
    assert fault_of(data, Sender.SERVER) is Fault.WRONG_KIND


@pytest.mark.parametrize(
    "first", [SLIN_BYTES, HANGUP_BYTES, DTMF_BYTES, b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00"]
)
def test_the_first_message_must_be_a_uuid(first: bytes) -> None:
    assert fault_of(first) is Fault.WRONG_FIRST_MESSAGE


def test_a_uuid_of_another_length_is_refused() -> None:
    assert fault_of(b"\x01\x00\x24" + str(CALL_ID).encode()) is Fault.WRONG_LENGTH


def test_a_second_uuid_is_refused() -> None:
    assert fault_of(UUID_BYTES + UUID_BYTES) is Fault.WRONG_KIND


def test_audio_of_zero_bytes_is_refused() -> None:
    assert fault_of(UUID_BYTES + b"\x10\x00\x00") is Fault.EMPTY_AUDIO


def test_audio_of_half_a_sample_is_refused() -> None:
    assert fault_of(UUID_BYTES + b"\x10\x01\x41") is Fault.ODD_AUDIO


@pytest.mark.parametrize("length", [MAX_AUDIO_BYTES + 2, 0xFFFE, 0xFFFF])
def test_giant_audio_is_refused_at_its_header(length: int) -> None:
    assert fault_of(UUID_BYTES + b"\x18" + length.to_bytes(2, "big")) is Fault.GIANT_AUDIO


@pytest.mark.parametrize("kind", [0x02, 0x04, 0x0F, 0x19, 0x7F, 0xFE])
def test_an_unknown_kind_is_refused(kind: int) -> None:
    assert fault_of(UUID_BYTES + bytes((kind, 0, 0))) is Fault.UNKNOWN_KIND


@pytest.mark.parametrize("data", [b"\x03\x00\x00", b"\x03\x00\x02", b"\xff\x00\x00", b"\x00\x00\x01", b"\x00\xff\xff"])
def test_a_control_message_of_another_length_is_refused(data: bytes) -> None:
    assert fault_of(UUID_BYTES + data) is Fault.WRONG_LENGTH


def test_what_came_before_a_malformed_message_is_read() -> None:
    messages = identified().feed(DTMF_BYTES + b"\x02\x00\x00")
    assert next(messages) == Dtmf("5")
    with pytest.raises(AudioSocketError, match="unknown kind 0x02, 0 bytes"):
        next(messages)


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\x00" * (MAX_AUDIO_BYTES + 2)])
def test_audio_that_ends_a_call_is_not_written(payload: bytes) -> None:
    with pytest.raises(AudioSocketError):
        encode(Audio(Kind.AUDIO_8K, payload))


@given(st.uuids(), st.lists(after_uuid, max_size=20), st.data())
def test_what_is_written_is_read_however_it_is_cut(uuid: UUID, messages: list[Message], data: st.DataObject) -> None:
    said: list[Message] = [CallId(uuid), *messages]
    stream = b"".join(encode(message) for message in said)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    parser = Parser()
    parts = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [message for part in parts for message in parser.feed(part)] == said
    assert not parser.partial


@given(st.sampled_from(Sender), st.booleans(), st.lists(st.binary(max_size=80), max_size=20))
def test_garbage_gives_messages_or_a_wire_error(sender: Sender, greeted: bool, parts: list[bytes]) -> None:
    parser = identified() if greeted else Parser(sender)
    with suppress(AudioSocketError):
        for part in parts:
            for message in parser.feed(part):
                assert read_back(message) == message


def read_back(message: Message) -> Message:
    """The message, written and read by a fresh parser."""
    parser = Parser() if isinstance(message, CallId) else identified()
    return next(parser.feed(encode(message)))
