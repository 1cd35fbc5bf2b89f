"""Runs `python -m molmeta` as the command `molmeta`."""

from molmeta.cli import main

if __name__ == "__main__":
    main()
