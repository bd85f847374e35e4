"""AudioSocket, the TCP protocol that Asterisk speaks."""
