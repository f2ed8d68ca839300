"""Modems at work: a thread each, and the fleet they make."""
