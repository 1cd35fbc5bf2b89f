"""From tables to curated assays: units, thresholds, repeats, data leakage."""
