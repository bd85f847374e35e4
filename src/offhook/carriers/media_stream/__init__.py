"""Vobiz, Plivo and Twilio: they ask by webhook and speak by WebSocket, one family in three dialects."""
