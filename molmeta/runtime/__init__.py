"""Whole files, locks, unfinished parts, processes, seeds: what every stage runs on."""
