"""A trained learner with its recipe and history, saved, loaded and found by name."""
