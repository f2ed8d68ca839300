"""A small WebSocket message broker: what one client of a topic sends, every other client of it receives."""
