from offhook.carriers.media_stream.nonces import Nonces


def test_a_signature_serves_for_one_request_however_often_it_comes() -> None:
    nonces = Nonces()
    assert nonces.admit("a", b"1")
    assert nonces.admit("a", b"1")
    assert not nonces.admit("a", b"2")
    assert nonces.admit("a", b"1")
    assert nonces.admit("b", b"2")


def test_only_the_last_are_remembered() -> None:
    nonces = Nonces(most=2)
    for signature in ("a", "b", "c"):
        assert nonces.admit(signature, b"1")
    assert not nonces.admit("b", b"2")
    assert nonces.admit("a", b"2")
