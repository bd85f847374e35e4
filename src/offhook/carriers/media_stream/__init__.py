"""Calls of carriers that ask by webhook and speak by WebSocket: Vobiz, Plivo and Twilio, one family in three dialects."""
