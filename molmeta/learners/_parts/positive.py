"""Matrices that ought to be positive definite, and what is done where rounding spoils them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from molmeta.errors import EpisodeError

if TYPE_CHECKING:
    from torch import Tensor

JITTERS = (0.0, 1e-10, 1e-8, 1e-6, 1e-4)
"""Added to the diagonal in turn, as shares of its mean, until a kernel is positive definite."""
FLATTEST = 1e-6
_linalg: Any = torch.linalg


def cholesky(matrix: Tensor) -> Tensor:
    """Return the lower Cholesky factor, of the matrix with as little jitter as will do.

    Raises:
        EpisodeError: it is not positive definite with the largest of `JITTERS` either.
    """
    size = matrix.diagonal().mean().detach()
    for share in JITTERS:
        jitter = torch.diag((share * size).expand(len(matrix)))
        factor, failed = _linalg.cholesky_ex(matrix + jitter if share else matrix)
        if not int(failed) and bool(torch.isfinite(factor).all()):
            return factor
    raise EpisodeError(
        f"support: the kernel of {len(matrix)} molecules is not positive definite; got "
        f"{float(size):.3g} as its mean variance, expected finite vectors and a kernel that jitter "
        f"of {JITTERS[-1]:g} mends. Train the learner anew, more slowly."
    )


def solve_positive(hessian: Tensor, right: Tensor) -> Tensor:
    """Return |hessian|^-1 right, with the size of each eigenvalue, at least 1e-6, in its place.

    The same as hessian^-1 right where the Hessian is positive definite, as it is at an optimum.
    """
    values, vectors = _linalg.eigh(hessian)
    sizes = values.abs().clamp(min=FLATTEST)
    return vectors @ ((vectors.T @ right) / sizes)
