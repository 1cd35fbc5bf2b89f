"""Few-shot drug discovery: learn from thousands of old assays, so that the next one is cheap."""

__version__ = "0.1.0"
