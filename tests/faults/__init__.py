"""Killed, damaged and starved runs: what they leave, and what the same command then makes of it."""
