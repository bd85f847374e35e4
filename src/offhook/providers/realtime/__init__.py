"""Speech-to-speech models: the caller's audio in, the agent's audio out, behind the protocols of `base`."""
