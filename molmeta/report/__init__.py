"""From metric tables to one self-contained HTML page, and the same numbers as plain CSV."""
