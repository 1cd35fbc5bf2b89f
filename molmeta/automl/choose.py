"""Chooses a model for an assay: what earlier assays say, updated by held-out compounds."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
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
    from molmeta.learners.base import MetaLearner
    from molmeta.models.model import Model
    from molmeta.molecules.labelled import Labelled

SEARCH = "similarity"
NO_TITLES: Mapping[str, str] = MappingProxyType({})
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
        candidates: a row for each candidate, the chosen one first: its name and title, how far its
            score is expected to be above that of the reference from earlier assays alone (`prior`)
            and with the held-out score (`advantage`), the held-out score, whether it was
            cross-validated, and why it was excluded.
        features: of the support.
        expected: predicted scores by measure, of the chosen candidate and of similarity search;
            empty for actives alone.
        advice: whether to trust the ranking, and what would help.
        margin: advantage from which another candidate replaces the reference.
        reference: name of the reference.
        usual: share of earlier episodes in which the reference was chosen.
    """

    name: str
    model: Model
    candidates: pd.DataFrame
    features: Mapping[str, float]
    expected: Mapping[str, Mapping[str, ExpectedScore]]
    advice: Advice
    margin: float
    reference: str
    usual: float

    @property
    def title(self) -> str:
        """Name of the chosen candidate for people to read."""
        return str(self.candidates["title"].iloc[0])

    @property
    def certain(self) -> bool:
        """Whether no cross-validation could have led to another choice than the reference."""
        others = self.candidates["candidate"].isin([self.reference, SEARCH])
        return self.name == self.reference and not bool(self.candidates["tried"][~others].any())


def choose(
    support: Labelled,
    members: Mapping[str, Model],
    selector: Selector,
    effort: Effort = FULL,
    titles: Mapping[str, str] = NO_TITLES,
) -> ModelChoice:
    """Choose the candidate with the highest expected score.

    Candidates that could not be chosen whatever cross-validation says are not cross-validated.

    Args:
        support: S compounds with the features of `needed`; candidates that read others are not
            cross-validated.
        members: models by name; candidates with another member are excluded.
        selector: what earlier assays say about the candidates.
        effort: of cross-validation.
        titles: name of a candidate for people to read, by its name.

    Raises:
        EpisodeError: no candidate can be used.
    """
    features, selector = _described(support, selector)
    seen = selector.within(features)
    usable = [c for c in selector.candidates if set(c.weights) <= set(members)]
    judged = HeldOut(support, titles=titles)
    _judge(judged, members, selector, usable, seen, effort)
    remaining = [c for c in usable if not set(c.weights) & set(judged.failures)]
    if not remaining:
        raise EpisodeError(
            f"support: no candidate can be used; got {_listed(judged, judged.failures)}, expected "
            "at least one that works. Add measured compounds."
        )
    scores = held_out_scores(judged, remaining, selector.measure)
    ranked = selector.rank(remaining, seen, scores)
    chosen = ranked[0]
    expected = {
        name: {
            measure: selector.expected(name, measure, seen, scores.get(name))
            for measure in selector.levels[name]
        }
        for name in dict.fromkeys((chosen.name, SEARCH))
        if name in selector.levels and bool(support.labels.min() < support.labels.max())
    }
    return ModelChoice(
        chosen.name,
        model_of(chosen, members),
        _table(ranked, usable, judged, selector, seen, scores, titles),
        features,
        expected,
        advised(selector, chosen.name, seen, expected, len(support)),
        selector.margin,
        selector.reference,
        selector.usual,
    )


def needed(support: Labelled, members: Mapping[str, Model], selector: Selector) -> tuple[str, ...]:
    """Return the featurizers of all candidates that may be chosen for a support.

    Args:
        support: S compounds with the fingerprint and what the pretrained model reads.
        members: models by name.
        selector: what earlier assays say about the candidates.
    """
    features, selector = _described(support, selector)
    seen = selector.within(features)
    names = [n for c in selector.candidates if selector.may_win(c.name, seen) for n in c.weights]
    return tuple(dict.fromkeys(block for n in names for block in members[n].featurizers))


def _described(support: Labelled, selector: Selector) -> tuple[dict[str, float], Selector]:
    """Features of a support, and the selector for it."""
    n_records = times_measured(load_pretrained().learner, support.molecules).numpy()
    features = described(support, n_records)
    return features, selector if features["values"] else selector.without_values()


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


def _judge(
    judged: HeldOut,
    members: Mapping[str, Model],
    selector: Selector,
    candidates: list[CandidateModel],
    features: Mapping[str, float],
    effort: Effort,
) -> None:
    """Cross-validate candidates that may win, in every repeat the better half of those before.

    Similarity search is judged too, because its expected score is stated.
    """
    deadline = time.monotonic() + effort.seconds
    judge = partial(judged.judge, seed=effort.seed, deadline=deadline)
    first = [candidate for candidate in candidates if candidate.name == selector.reference]
    judge(_learners(first, members))
    # Nothing is certain of the others if the reference cannot be used.
    open_race = not first or bool(set(first[0].weights) & set(judged.failures))
    racing = [
        candidate
        for candidate in candidates
        if _readable(candidate, members, judged.support)
        and (open_race or candidate.name == SEARCH or selector.may_win(candidate.name, features))
    ]
    for repeat in range(effort.repeats):
        learners = _learners(racing, members)
        new = {n: learner for n, learner in learners.items() if repeat or n not in judged.outputs}
        judge(new, repeat=repeat)
        if time.monotonic() > deadline:
            done = f"in repeat {repeat + 1} of {effort.repeats}"
            _log.warning("cross-validation stopped after %.3g s, %s", effort.seconds, done)
            break
        scores = held_out_scores(judged, racing, selector.measure)
        racing = selector.rank(racing, features, scores)[: max(len(racing) // 2, 2)]


def _readable(candidate: CandidateModel, members: Mapping[str, Model], support: Labelled) -> bool:
    blocks = set(support.molecules.blocks)
    return all(blocks.issuperset(members[name].featurizers) for name in candidate.weights)


def _learners(
    candidates: Collection[CandidateModel], members: Mapping[str, Model]
) -> dict[str, MetaLearner]:
    names = dict.fromkeys(name for candidate in candidates for name in candidate.weights)
    return {name: members[name].learner for name in names}


def _table(
    ranked: list[CandidateModel], usable: list[CandidateModel], judged: HeldOut, selector: Selector,
    features: Mapping[str, float], scores: Mapping[str, float], titles: Mapping[str, str],
) -> pd.DataFrame:  # fmt: skip
    failed = [candidate for candidate in usable if candidate not in ranked]
    rows = [
        {
            "candidate": candidate.name,
            "title": titles.get(candidate.name, candidate.name),
            "prior": selector.advantage(candidate.name, features, {}),
            "held_out": scores.get(candidate.name, np.nan),
            "advantage": selector.advantage(candidate.name, features, scores),
            "tried": candidate.name in scores or candidate not in ranked,
            "repeats": min((len(judged.outputs.get(n, ())) for n in candidate.weights), default=0),
            "note": _listed(judged, candidate.weights),
        }
        for candidate in (*ranked, *failed)
    ]
    return pd.DataFrame(rows)


def _listed(judged: HeldOut, members: Collection[str]) -> str:
    """Why members failed, those that did."""
    reasons = {judged.titles.get(n, n): r for n, r in judged.failures.items() if n in members}
    return "; ".join(f"{title}: {reason}" for title, reason in reasons.items())
