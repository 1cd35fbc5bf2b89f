"""Version of the package, from which pyproject.toml and CITATION.cff take it."""

__version__ = "0.2.0"
