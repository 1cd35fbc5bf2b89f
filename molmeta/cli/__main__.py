"""Lets `python -m molmeta.cli` stand for `molmeta`."""

from molmeta.cli import main

if __name__ == "__main__":
    main()
