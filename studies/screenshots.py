"""Takes the pictures of both pages in docs/: the page of a screen and the report.

    molmeta screen --support data/assays/test/CHEMBL204_Ki.csv --size 24 \
      --library data/libraries/nci_5k.smi --output ranked.csv --report hits.html
    python studies/screenshots.py hits.html results/report.html

The first command is the README's, the report that of `snakemake --cores 2`. Needs Chromium.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

DOCS = Path(__file__).parents[1] / "docs"
PICTURES = {"hits": (1000, 1420), "report": (1200, 1340)}
"""Width and height of each picture in pixels."""


def main() -> None:
    """Write docs/hits.png and, if it is named, docs/report.png."""
    pages = dict(zip(PICTURES, map(Path, sys.argv[1:]), strict=False))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for name, page in pages.items():
            width, height = PICTURES[name]
            tab = browser.new_page(viewport={"width": width, "height": height})
            tab.goto(page.resolve().as_uri())
            tab.screenshot(path=DOCS / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
