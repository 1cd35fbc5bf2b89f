"""Linear algebra on matrices that are positive definite up to rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from molmeta.errors import EpisodeError

if TYPE_CHECKING:
    from torch import Tensor

JITTERS = (0.0, 1e-10, 1e-8, 1e-6, 1e-4)
"""Shares of the mean diagonal, added to it in turn until a kernel is positive definite."""
FLATTEST = 1e-6
_linalg: Any = torch.linalg


def cholesky(matrix: Tensor) -> Tensor:
    """Return the lower Cholesky factor of the matrix, with the least jitter that suffices.

    Raises:
        EpisodeError: the matrix is not positive definite even with the largest of `JITTERS`.
    """
    # Detached, so that the jitter adds nothing to the gradient of the kernel.
    size = matrix.diagonal().mean().detach()
    for share in JITTERS:
        jitter = torch.diag((share * size).expand(len(matrix)))
        factor, failed = _linalg.cholesky_ex(matrix + jitter if share else matrix)
        if not int(failed) and bool(torch.isfinite(factor).all()):
            return factor
    raise EpisodeError(
        f"support: the kernel of {len(matrix)} molecules is not positive definite; got "
        f"{float(size):.3g} as its mean variance, expected finite vectors, and at most jitter of "
        f"{JITTERS[-1]:g}. Train the learner again with a lower learning rate."
    )


def solve_positive(hessian: Tensor, right: Tensor) -> Tensor:
    """Return |H|^-1 b, where |H| has the absolute eigenvalues of H, clamped at 1e-6.

    This equals H^-1 b if the Hessian H is positive definite, as it is at an optimum. Elsewhere it
    turns a Newton step away from saddles.
    """
    values, vectors = _linalg.eigh(hessian)
    sizes = values.abs().clamp(min=FLATTEST)
    return vectors @ ((vectors.T @ right) / sizes)
