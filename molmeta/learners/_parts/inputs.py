"""Features of one kind as a dense matrix, for learners of scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from molmeta.errors import ConfigError
from molmeta.molecules.blocks import Bits, Molecules, Vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

LARGEST = 5.0
"""Standard deviations to which a component is clamped: one outlier must not outweigh all others."""

Scaled = Callable[[Molecules], "Tensor"]
"""From G molecules to their standardised vectors, float64, shape (G, W)."""


def dense(molecules: Molecules, name: str) -> Tensor:
    """Return a fingerprint as zeros and ones, or a vector v as sign(v) log(1 + |v|), (G, W).

    Descriptors span many orders of magnitude, hence the logarithm.

    Raises:
        ConfigError: the molecules lack the features, or they are graphs.
    """
    block = molecules.blocks.get(name)
    if isinstance(block, Bits):
        return block.dense()
    if isinstance(block, Vectors):
        return block.values.sign() * block.values.abs().log1p()
    raise ConfigError(
        f"features '{name}': cannot be used here; got molecules with {sorted(molecules.blocks)}, "
        "expected a fingerprint or vectors of that name. Choose other 'features'."
    )


def rows(molecules: Molecules, name: str) -> NDArray[np.float32]:
    """Return `dense` as an array of NumPy.

    Raises:
        ConfigError: as `dense`.
    """
    return dense(molecules, name).float().cpu().numpy()


def scaled_by(support: Molecules, name: str) -> Scaled:
    """Return a function that standardises vectors by their mean and deviation in a support.

    Components that are equal in the whole support become 0.
    """
    values = dense(support, name).double()
    mean, deviation = values.mean(0), values.std(0, correction=0)
    varies = deviation > 1e-6 * (1 + mean.abs())
    inverse = varies.double() / deviation.where(varies, deviation.new_ones(()))

    def scaled(molecules: Molecules) -> Tensor:
        vectors = dense(molecules, name).double()
        return ((vectors - mean) * inverse).clamp(-LARGEST, LARGEST)

    return scaled
