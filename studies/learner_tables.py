"""Writes the table of learners in docs/learners.md and the papers in CITATION.cff.

All come from the class attributes of learners and encoders. Run after adding or changing one:

    python studies/learner_tables.py
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from marks import between, head, line, rewritten

from molmeta import encoders, learners
from molmeta.runtime.outputs import written
from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    from molmeta.encoders.base import Paper
    from molmeta.learners import MetaLearner

ROOT = Path(__file__).parents[1]
MARK = "learners"
GENERATED = re.compile(r"(Learners?|Encoders?) ")
"""How the notes of a generated reference begin in CITATION.cff."""


def ordered() -> list[str]:
    """Return all learners in alphabetical order, the baselines last."""
    return sorted(learners.names(), key=lambda name: (not learners.get(name).meta_trained, name))


def page(text: str) -> str:
    """Return docs/learners.md with its table of learners up to date; results are left as found."""
    results = dict(re.findall(r"^\| `(\w+)` .*\|([^|]*)\|$", between(text, MARK), re.MULTILINE))
    traits = ["order invariant", "uncertainty", "values", "actives alone", "meta-trained"]
    table = head(["learner", "year", "paper", "idea", *traits, "use it when", "16 / 64"])
    for name in ordered():
        cls = learners.get(name)
        flags = (cls.order_invariant, cls.uncertainty, cls.regression, cls.actives_only)
        cells = [*_cited(cls, "{paper.first_author}, {paper.venue}"), cls.idea()]
        answers = [_yes(flag) for flag in (*flags, cls.meta_trained)]
        result = results.get(name, "not run").strip()
        table.append(line([f"`{name}`", *cells, *answers, cls.use_when, result]))
    return rewritten(text, MARK, "\n".join(table))


def citation(text: str) -> str:
    """Return CITATION.cff with the version and the papers of all learners and encoders."""
    content: dict[str, Any] = yaml.safe_load(text) | {"version": __version__}
    kept = [ref for ref in content["references"] if not GENERATED.match(ref.get("notes", ""))]
    titles = {ref["title"] for ref in kept}
    content["references"] = kept + [ref for ref in _references() if ref["title"] not in titles]
    dumped: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    return dumped


def _references() -> Iterator[dict[str, Any]]:
    users: dict[Paper, dict[str, list[str]]] = {}
    for kind, package in (("Learner", learners), ("Encoder", encoders)):
        for name in package.names():
            for paper in package.get(name).papers:
                users.setdefault(paper, {}).setdefault(kind, []).append(name)
    for paper, names in sorted(users.items(), key=lambda item: (item[0].authors, item[0].title)):
        yield _reference(paper, "; ".join(_notes(kind, used) for kind, used in names.items()))


def _reference(paper: Paper, notes: str) -> dict[str, Any]:
    authors = [author.split(", ") for author in paper.authors.split("; ")]
    venue: dict[str, Any] = {
        "conference-paper": {"collection-title": paper.venue},
        "article": {"journal": paper.venue},
        "book": {"publisher": {"name": paper.venue}},
    }[paper.kind]
    return {
        "type": paper.kind,
        "title": paper.title,
        "authors": [{"family-names": family, "given-names": given} for family, given in authors],
        "year": paper.year,
        **venue,
        **({"doi": paper.doi} if paper.doi else {}),
        "notes": f"{notes}.",
    }


def _notes(kind: str, names: list[str]) -> str:
    return f"{kind}{'s' * (len(names) > 1)} {', '.join(names)}"


def _cited(cls: type[MetaLearner], form: str) -> tuple[str, str]:
    """Return the year and the paper of a learner, empty for one without a paper."""
    for paper in cls.papers:
        return str(paper.year), form.format(paper=paper)
    return "", ""


def _yes(flag: bool) -> str:  # noqa: FBT001
    return "yes" if flag else "no"


FILES = {"docs/learners.md": page, "CITATION.cff": citation}


def main() -> None:
    """Rewrite both files."""
    for name, update in FILES.items():
        path = ROOT / name
        text = update(path.read_text(encoding="utf-8"))
        with written(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
