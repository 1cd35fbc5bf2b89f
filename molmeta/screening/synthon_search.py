"""Searches a synthon space by Thompson sampling: scores a few per cent of the products.

The score of a product is modelled as a sum over its synthons, plus an effect of the reaction. The
contribution of a synthon is linear in its fingerprint, so similar synthons share information. Each
round draws contributions from the posterior, and scores the products that are best by the draw.

Source:
    Klarich et al., Thompson sampling: an efficient method for searching ultralarge synthesis on
    demand databases, J. Chem. Inf. Model. 2024. In that work, each synthon has a separate mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from rdkit.Chem import rdFingerprintGenerator
from scipy import sparse

from molmeta.errors import ConfigError
from molmeta.libraries.synthons import Product, SynthonSpace
from molmeta.runtime.partials import Parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


SIZE = 1024
"""Bits of the fingerprint of a synthon."""
DRAWS = 20
"""Draws from the posterior in a round; each chooses an equal share of the products."""
COMBINED = 2_500
"""Products of a reaction that a draw considers: those of the best synthons of each slot."""
RIDGES = np.logspace(-1, 4, 16)
"""Ratios of noise to prior variance to choose from, by likelihood."""


@dataclass(frozen=True)
class SearchPlan:
    """How a space is searched.

    Attributes:
        budget: products to score.
        rounds: in which the budget is spent; those of its first tenth are random.
        seed: the same seed scores the same products.
        top: number of products to keep.
        prevalence: share of actives in the space, to which probabilities are shifted; None leaves
            them at the support's share.
    """

    budget: int = 20_000
    rounds: int = 50
    seed: int = 0
    top: int = 1000
    prevalence: float | None = None

    def __post_init__(self) -> None:
        if self.budget < 1 or self.rounds < 1:
            raise ConfigError(
                f"screen: 'budget' must be at least 1; got {self.budget}, expected a number of "
                "products to score, such as 2 % of the space. Correct it."
            )


class Scored(NamedTuple):
    """A product with its score, log odds or a value; NaN if it cannot be scored."""

    product: Product
    score: float


class Contributions:
    """Posterior of the contributions of synthons and reactions to a score.

    Args:
        space: with N synthons in all slots and R reactions.
    """

    def __init__(self, space: SynthonSpace) -> None:
        generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=SIZE)
        sizes = [[len(slot) for slot in reaction.slots] for reaction in space.reactions]
        ends = np.cumsum([0, *(size for slots in sizes for size in slots)]).tolist()
        firsts = iter(ends)
        self.firsts = [[next(firsts) for _ in slots] for slots in sizes]
        synthons = (s for reaction in space.reactions for slot in reaction.slots for s in slot)
        prints = [generator.GetCountFingerprintAsNumPy(s.mol).clip(max=3) for s in synthons]
        self._features = sparse.csr_matrix(np.array(prints, np.float64))
        self._n_reactions = len(sizes)
        self._rows: list[Any] = []
        self._scores: list[float] = []

    def add(self, scored: Iterable[Scored]) -> None:
        """Add the scores of products; those without a score are skipped."""
        for product, score in scored:
            if np.isfinite(score):
                self._rows.append(product)
                self._scores.append(score)

    def draws(
        self, n: int, rng: np.random.Generator
    ) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Yield n draws: contributions of synthons, shape (N,), and of reactions, shape (R,)."""
        features, y = self._design(), np.array(self._scores)
        centre = y.mean() if len(y) else 0.0
        values, vectors = np.linalg.eigh((features.T @ features).toarray())
        projected = vectors.T @ (features.T @ (y - centre))
        values = values.clip(min=0)
        ridge, noise = _most_likely(values, projected, float(((y - centre) ** 2).sum()), len(y))
        mean, spread = projected / (values + ridge), np.sqrt(noise / (values + ridge))
        for _ in range(n):
            weights = vectors @ (mean + spread * rng.standard_normal(len(mean)))
            yield self._features @ weights[:SIZE], weights[SIZE:]

    def _design(self) -> sparse.csr_matrix:
        """Return the features of the scored products: sums over synthons, and their reaction."""
        n = len(self._rows)
        synthons = [
            (row_number, first + row)
            for row_number, (number, rows) in enumerate(self._rows)
            for first, row in zip(self.firsts[number], rows, strict=True)
        ]
        places, columns = np.array(synthons or np.zeros((0, 2)), np.int64).T
        ones = np.ones(len(places))
        shape = (n, self._features.shape[0])
        sums = sparse.csr_matrix((ones, (places, columns)), shape) @ self._features
        reactions = np.array([number for number, _ in self._rows], np.int64)
        of_reaction = sparse.csr_matrix(
            (np.ones(n), (np.arange(n), reactions)), (n, self._n_reactions)
        )
        return sparse.hstack([sums, of_reaction]).tocsr()


def search(
    space: SynthonSpace,
    score: Callable[[Sequence[str]], NDArray[np.float64]],
    plan: SearchPlan,
    *,
    output: Path,
    run: object,
    progress: Callable[[int], None] | None = None,
) -> tuple[list[Scored], Parts]:
    """Return the scored products in the order of their scoring, and the finished rounds.

    An interrupted search resumes after its last round and scores the same products.

    Args:
        space: to search.
        score: from G SMILES to scores of shape (G,), NaN if missing.
        plan: how to search.
        output: the finished rounds are kept next to it until the caller clears them.
        run: everything that scores depend on.
        progress: called with the number of products scored since the last call.

    Raises:
        OutputError: the rounds cannot be written.
    """
    parts = Parts(output, [run, plan.budget, plan.rounds, plan.seed])
    model, done, seen = Contributions(space), list[Scored](), set[Product]()
    budget = min(plan.budget, space.size)
    number = 0
    while len(done) < budget:
        if number in parts:
            scored = _read(parts, number)
        else:
            rng = np.random.default_rng([plan.seed, number])
            size = min(-(-budget // plan.rounds), budget - len(done))
            batch = _round(space, model, seen, size, rng, warm=10 * len(done) < budget)
            scores = score([space.smiles(product) for product in batch])
            scored = [Scored(p, float(s)) for p, s in zip(batch, scores, strict=True)]
            parts.add(number, _table(scored))
        model.add(scored)
        done += scored
        seen.update(product for product, _ in scored)
        number += 1
        if progress is not None:
            progress(len(scored))
    return done, parts


def _round(
    space: SynthonSpace,
    model: Contributions,
    seen: set[Product],
    size: int,
    rng: np.random.Generator,
    *,
    warm: bool,
) -> list[Product]:
    chosen: dict[Product, None] = {}
    if not warm:
        share = -(-size // DRAWS)
        for synthons, reactions in model.draws(DRAWS, rng):
            best = _best(space, model, synthons, reactions)
            new = (p for p in best if p not in seen and p not in chosen)
            chosen.update(dict.fromkeys(islice(new, min(share, size - len(chosen)))))
    # Where the best synthons are all combined, or few products are left, the rest is random.
    return [*chosen, *islice(_random(space, seen | chosen.keys(), rng), size - len(chosen))]


def _best(
    space: SynthonSpace,
    model: Contributions,
    synthons: NDArray[np.float64],
    reactions: NDArray[np.float64],
) -> Iterator[Product]:
    """Yield products from the best on: those of the best synthons of each slot."""
    scores: list[NDArray[np.float64]] = []
    choices: list[tuple[int, list[NDArray[np.int64]]]] = []
    for number, reaction in enumerate(space.reactions):
        n = max(2, int(COMBINED ** (1 / len(reaction.slots))))
        rows: list[NDArray[np.int64]] = []
        total: Any = np.array(reactions[number])
        for first, slot in zip(model.firsts[number], reaction.slots, strict=True):
            slot_scores = synthons[first : first + len(slot)]
            best = np.argsort(-slot_scores, kind="stable")[:n]
            rows.append(best)
            total = np.add.outer(total, slot_scores[best])
        scores.append(total.ravel())
        choices.append((number, rows))
    starts: NDArray[np.int64] = np.cumsum([0, *(len(part) for part in scores)])
    places: list[int] = np.argsort(-np.concatenate(scores), kind="stable").tolist()
    for position in places:
        which = int(np.searchsorted(starts, position, side="right")) - 1
        number, rows = choices[which]
        index = np.unravel_index(position - int(starts[which]), [len(r) for r in rows])
        yield Product(number, tuple(int(r[i]) for r, i in zip(rows, index, strict=True)))


def _random(space: SynthonSpace, seen: set[Product], rng: np.random.Generator) -> Iterator[Product]:
    """Yield products that were not scored, of each reaction with equal probability."""
    taken = set(seen)
    failed = 0
    while failed < 1_000:
        number = int(rng.integers(len(space.reactions)))
        slots = space.reactions[number].slots
        product = Product(number, tuple(int(rng.integers(len(slot))) for slot in slots))
        failed = failed + 1 if product in taken else 0
        if failed == 0:
            taken.add(product)
            yield product
    yield from (product for product in space.products() if product not in taken)


def _most_likely(
    values: NDArray[np.float64], projected: NDArray[np.float64], total: float, n: int
) -> tuple[float, float]:
    """Return the ridge of the highest marginal likelihood, and the variance of the noise.

    With eigenvalues e and projections p, y has the covariance s (I + XX'/r) at ridge r.
    """
    if not n:
        return 1.0, 1.0
    fits: list[tuple[float, float, float]] = []
    for ridge in RIDGES.tolist():
        noise = max((total - float((projected**2 / (values + ridge)).sum())) / n, 1e-9)
        likelihood = -n * np.log(noise) - float(np.log1p(values / ridge).sum())
        fits.append((likelihood, ridge, noise))
    return max(fits)[1:]


def _table(scored: Sequence[Scored]) -> pa.Table:
    return pa.table(
        {
            "reaction": [product.reaction for product, _ in scored],
            "rows": [list(product.rows) for product, _ in scored],
            "score": [score for _, score in scored],
        }
    )


def _read(parts: Parts, number: int) -> list[Scored]:
    rows = (row for batch in parts.batches(number) for row in batch.to_pylist())
    return [Scored(Product(r["reaction"], tuple(r["rows"])), r["score"]) for r in rows]
