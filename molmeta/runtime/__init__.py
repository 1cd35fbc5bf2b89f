"""Outputs, locks, finished parts, processes and seeds: what every stage runs on."""
