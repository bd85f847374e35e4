"""Which signatures were seen, and with what, so that none serves twice for different requests."""

__all__ = ["Nonces"]


class Nonces:
    """Remembers the last `most` signatures, each with a fingerprint of the request that bore it first."""

    def __init__(self, most: int = 10_000):
        self._most = most
        self._seen: dict[str, bytes] = {}

    def admit(self, signature: str, fingerprint: bytes) -> bool:
        """Whether the signature is new, or the request the same as before; false for any other request with it."""
        known = self._seen.setdefault(signature, fingerprint)
        if len(self._seen) > self._most:
            del self._seen[next(iter(self._seen))]
        return known == fingerprint
