"""Assays, episodes drawn from them, screens with known answers, and activity records."""
