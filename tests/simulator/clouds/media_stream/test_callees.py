import numpy as np

from offhook.simulator.clouds.media_stream.callees import answering_machine, answers, busy, no_answer, rejects


def test_a_machine_greets_and_beeps() -> None:
    machine = answering_machine(greeting_s=2.0)
    sound = np.frombuffer(machine.speech, "<i2").astype(float)
    assert machine.machine
    assert len(sound) / 8_000 == machine.beep_s == 2.4
    beep = sound[-2_400:]
    assert np.argmax(np.abs(np.fft.rfft(beep))) * 8_000 / len(beep) == 1_000
    greeting = sound[:16_000].reshape(-1, 800)
    assert greeting.std(axis=1).min() > 100


def test_the_others_are_people() -> None:
    assert not answers().machine
    assert [each.refusal.status for each in (busy(), rejects(), no_answer()) if each.refusal] == [
        "busy",
        "busy",
        "no-answer",
    ]
