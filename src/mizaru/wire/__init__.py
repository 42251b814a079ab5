"""All that edge and cloud share: bounded messages, their codec, the session."""
