"""Which compounds of a library to test, and how many of them will be active."""
