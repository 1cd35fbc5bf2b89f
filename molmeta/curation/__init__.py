"""From tables to curated assays: units, thresholds, repeats, leaks."""
