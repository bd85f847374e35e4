from offhook.providers.stt.metering import AudioMeter
from offhook.providers.usage import Usage


class Metered:
    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.meter = AudioMeter(self.take)

    def take(self, usage: Usage) -> None:
        assert usage == Usage(seconds=usage.seconds)
        self.seconds.append(usage.seconds)

    def send(self, ms: int) -> None:
        for _ in range(ms // 20):
            self.meter.sent(20)


def test_every_ten_seconds_and_the_rest_at_the_end() -> None:
    metered = Metered()
    metered.meter.answered()
    metered.send(25_060)
    assert metered.seconds == [10, 10]
    metered.meter.close()
    metered.meter.close()
    assert metered.seconds == [10, 10, 5.06]


def test_whoever_never_gave_a_sign_has_heard_nothing() -> None:
    metered = Metered()
    metered.send(30_000)
    metered.meter.close()
    assert metered.seconds == []


def test_what_was_sent_before_the_first_sign_counts_with_it() -> None:
    metered = Metered()
    metered.send(4_000)
    metered.meter.answered()
    metered.meter.close()
    assert metered.seconds == [4]


def test_the_providers_own_count_stands() -> None:
    metered = Metered()
    metered.meter.answered()
    metered.send(12_000)
    metered.meter.counted(11.5)
    metered.meter.close()
    assert metered.seconds == [10, 1.5]


def test_what_was_told_is_not_taken_back() -> None:
    metered = Metered()
    metered.meter.answered()
    metered.send(12_000)
    metered.meter.counted(3)
    metered.meter.close()
    assert metered.seconds == [10]
