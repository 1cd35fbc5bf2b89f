"""Draws the rules of the workflow and what each waits for, as docs/assets/rules.svg.

    python studies/rule_graph.py

The rules are those that Snakemake plans for the configuration of `.test`. A screen in parts, one of
all scores and a search for options are added, so that every rule occurs. Needs Graphviz.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "assets" / "rules.svg"
STYLE = """
    rankdir=LR; bgcolor=white; nodesep=0.25; ranksep=0.5;
    node [shape=box, style="rounded,filled", fillcolor="#eef2f6", color="#0f766e",
          fontname="sans-serif", fontsize=13, fontcolor="#1b2430"];
    edge [color="#5b6875", arrowsize=0.7];
"""


def rules() -> set[tuple[str, str]]:
    """Each pair of a rule and one that waits for its results."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(yaml.safe_dump(_every_rule()))
        command = [sys.executable, "-m", "snakemake", "--rulegraph", "--quiet", "all"]
        command += ["--snakefile", "workflow/Snakefile", "--directory", ".test"]
        done = subprocess.run(
            [*command, "--configfile", str(config)],
            cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', done.stdout))
    return {(names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", done.stdout)}


def drawn(svg: str) -> set[tuple[str, str]]:
    """The same pairs, read from a picture of Graphviz."""
    return set(re.findall(r"<title>(\w+)&#45;&gt;(\w+)</title>", svg))


def _every_rule() -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((ROOT / ".test/config/config.yaml").read_text())
    screen = config["screens"][0]
    scattered = {**screen, "name": "scattered", "parts": 2}
    del scattered["plate"]
    scores = {**scattered, "name": "scores", "parts": 1, "top": 0}
    config["screens"] += [scattered, scores]
    config["automl"] = [{"name": "tuned", "learner": "protonet", "encoder": "fingerprint"}]
    return config


def main() -> None:
    """Write the picture."""
    arrows = "".join(f"{first} -> {second};\n" for first, second in sorted(rules()))
    svg = subprocess.run(
        ["dot", "-Tsvg"], input=f"digraph {{{STYLE}{arrows}}}", check=True,
        capture_output=True, text=True,
    ).stdout  # fmt: skip
    PICTURE.write_text(svg[svg.index("<svg") :], encoding="utf-8")


if __name__ == "__main__":
    main()
