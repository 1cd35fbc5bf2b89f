"""Automatic choice of a model for an assay, and the tuning of learners."""
