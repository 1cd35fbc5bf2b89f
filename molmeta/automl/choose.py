"""Chooses a model for an assay: what earlier assays say, updated by held-out compounds."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from molmeta.assays.records import times_measured
from molmeta.automl.advice import Advice, advised
from molmeta.automl.candidates import CandidateModel, model_of
from molmeta.automl.describe import described
from molmeta.automl.held_out import HeldOut, mean_score
from molmeta.errors import EpisodeError
from molmeta.models.pretrained import load_pretrained

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from molmeta.automl.selector import ExpectedScore, Selector
    from molmeta.models.model import Model
    from molmeta.molecules.labelled import Labelled

SEARCH = "similarity"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Effort:
    """How long candidates are cross-validated.

    Attributes:
        seconds: time; what is not done by then is predicted without a held-out score.
        repeats: most repeats; each continues with the better half of the candidates.
        seed: of the folds.
    """

    seconds: float = 60.0
    repeats: int = 4
    seed: int = 0


FULL, QUICK = Effort(), Effort(seconds=8.0, repeats=1)


@dataclass(frozen=True)
class ModelChoice:
    """A model chosen for an assay, and what to expect of it.

    Attributes:
        name: name of the candidate.
        model: the candidate as a model.
        candidates: a row for each candidate, the chosen one first. The columns are its name, its
            held-out score, and the reason if it was excluded. Two more give the expected lead over
            the reference, from earlier assays alone (`prior`) and with the held-out score
            (`advantage`).
        features: of the support.
        expected: predicted scores by measure, of the chosen candidate and of similarity search;
            empty for actives alone.
        advice: whether to trust the ranking, and what would help.
        margin: advantage from which another candidate replaces the reference.
    """

    name: str
    model: Model
    candidates: pd.DataFrame
    features: Mapping[str, float]
    expected: Mapping[str, Mapping[str, ExpectedScore]]
    advice: Advice
    margin: float


def choose(
    support: Labelled, members: Mapping[str, Model], selector: Selector, effort: Effort = FULL
) -> ModelChoice:
    """Choose the candidate with the highest expected score.

    Args:
        support: S compounds with all features that the members and similarity search read.
        members: models by name; candidates with another member are excluded.
        selector: what earlier assays say about the candidates.
        effort: of cross-validation.

    Raises:
        EpisodeError: no candidate can be used.
    """
    features = described(
        support, times_measured(load_pretrained().learner, support.molecules).numpy()
    )
    usable = [c for c in selector.candidates if set(c.weights) <= set(members)]
    judged = _judged(support, members, selector, usable, features, effort)
    remaining = [c for c in usable if not set(c.weights) & set(judged.failures)]
    if not remaining:
        raise EpisodeError(
            f"support: no candidate can be used; got {_listed(judged.failures)}, expected at least "
            "one that works. Add measured compounds."
        )
    scores = held_out_scores(judged, remaining, selector.measure)
    ranked = selector.rank(remaining, features, scores)
    chosen = ranked[0]
    expected = {
        name: {
            measure: selector.expected(name, measure, features, scores.get(name))
            for measure in selector.levels[name]
        }
        for name in dict.fromkeys((chosen.name, SEARCH))
        if name in selector.levels and bool(support.labels.min() < support.labels.max())
    }
    return ModelChoice(
        chosen.name,
        model_of(chosen, members),
        _table(ranked, usable, judged, selector, features, scores),
        features,
        expected,
        advised(selector, chosen.name, features, expected, len(support)),
        selector.margin,
    )


def held_out_scores(
    judged: HeldOut, candidates: Collection[CandidateModel], measure: str
) -> dict[str, float]:
    """Return the held-out score of each candidate whose members were all judged.

    The outputs of an ensemble are the weighted means of those of its members.
    """
    scores = dict[str, float]()
    for candidate in candidates:
        if set(candidate.weights) <= set(judged.outputs):
            repeats = min(len(judged.outputs[name]) for name in candidate.weights)
            parts = [w * judged.outputs[name][:repeats] for name, w in candidate.weights.items()]
            scores[candidate.name] = mean_score(judged.support, np.sum(parts, axis=0), measure)
    return scores


def _judged(
    support: Labelled,
    members: Mapping[str, Model],
    selector: Selector,
    candidates: list[CandidateModel],
    features: Mapping[str, float],
    effort: Effort,
) -> HeldOut:
    """Cross-validate the candidates, in every repeat the better half of those before."""
    judged, deadline = HeldOut(support), time.monotonic() + effort.seconds
    racing = candidates
    for repeat in range(effort.repeats):
        names = dict.fromkeys(name for candidate in racing for name in candidate.weights)
        learners = {name: members[name].learner for name in names}
        judged.judge(learners, repeat=repeat, seed=effort.seed, deadline=deadline)
        if time.monotonic() > deadline:
            done = f"in repeat {repeat + 1} of {effort.repeats}"
            _log.warning("cross-validation stopped after %.3g s, %s", effort.seconds, done)
            break
        scores = held_out_scores(judged, racing, selector.measure)
        racing = selector.rank(racing, features, scores)[: max(len(racing) // 2, 2)]
    return judged


def _table(
    ranked: list[CandidateModel], usable: list[CandidateModel], judged: HeldOut, selector: Selector,
    features: Mapping[str, float], scores: Mapping[str, float],
) -> pd.DataFrame:  # fmt: skip
    failed = [candidate for candidate in usable if candidate not in ranked]
    rows = [
        {
            "candidate": candidate.name,
            "prior": selector.advantage(candidate.name, features, {}),
            "held_out": scores.get(candidate.name, np.nan),
            "advantage": selector.advantage(candidate.name, features, scores),
            "repeats": min((len(judged.outputs.get(n, ())) for n in candidate.weights), default=0),
            "note": _listed(
                {n: judged.failures[n] for n in candidate.weights if n in judged.failures}
            ),
        }
        for candidate in (*ranked, *failed)
    ]
    return pd.DataFrame(rows)


def _listed(failures: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {reason}" for name, reason in failures.items())
