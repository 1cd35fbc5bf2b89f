"""What to measure next: acquisition, plates, and campaigns replayed on known answers."""
