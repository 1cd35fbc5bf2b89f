"""Features of a support from which the scores of learners can be predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from molmeta.molecules.similarity import bits_of, tanimoto

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from molmeta.molecules.labelled import Labelled

TYPICAL = 64
"""Support size at which the feature `size` is 0."""
FEATURES = ("size", "known", "records", "nearest", "contrast", "imbalance", "values", "share")


def log_size(n: float) -> float:
    """Return the feature `size` of a support of n compounds."""
    return float(np.log2(n / TYPICAL))


def described(support: Labelled, times_measured: NDArray[np.int64]) -> dict[str, float]:
    """Return the features of a support of S compounds.

    Args:
        support: with the fingerprint that similarity is computed from.
        times_measured: number of training assays that measured each compound, shape (S,).

    Returns:
        size: log2 of S / 64.
        known: share of compounds in the activity records of the pretrained model.
        records: mean of log2(1 + training assays).
        nearest: mean similarity of a compound to its nearest neighbour.
        contrast: how much nearer a compound's nearest neighbour of its own class is than that
            of the other class, on average.
        imbalance: distance of the share of actives from 1/2.
        values: share of compounds with a measured value.
        share: share of actives.
    """
    labels = support.labels.cpu().numpy() > 0.5
    bits = bits_of(support.molecules)
    similarity = tanimoto(bits, bits).fill_diagonal_(0).cpu().numpy().astype(np.float64)
    same = labels[:, None] == labels[None, :]
    same_class = np.where(same, similarity, 0).max(1, initial=0)
    other = np.where(same, 0, similarity).max(1, initial=0)
    values = support.values
    return {
        "size": log_size(len(labels)),
        "known": float((times_measured > 0).mean()),
        "records": float(np.log2(1 + times_measured).mean()),
        "nearest": float(similarity.max(1, initial=0).mean()),
        "contrast": float((same_class - other).mean()),
        "imbalance": float(abs(labels.mean() - 0.5)),
        "values": 0.0 if values is None else float(values.isfinite().float().mean()),
        "share": float(labels.mean()),
    }
