"""Simulated hardware, shipped and tested like the real drivers."""
