"""Who decides what the agent says: language models and the local flow engine."""
