"""Share of actives in a library, and probabilities moved to it from that of a support."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from molmeta.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable


class Estimate(NamedTuple):
    """The share of actives in a library.

    Attributes:
        share: the estimate, above 0.
        low, high: ends of an 80 % interval; low is 0 where the scores do not say that there is one.
    """

    share: float
    low: float
    high: float


def share_of(prevalence: float | Estimate | None) -> float | None:
    """Return a prevalence that is given or estimated as a number, None where there is none."""
    return prevalence.share if isinstance(prevalence, Estimate) else prevalence


def prior_shift(prevalence: float | None, share: float) -> Callable[[float], float]:
    """Return what moves a probability: p r / (p r + 1 - p), r = odds(prevalence) / odds(share).

    The order stays as it is, and so do 0 and 1.

    Args:
        prevalence: share of actives in the library, between 0 and 1; None moves nothing.
        share: share of actives in the support, between 0 and 1 where there is a prevalence.

    Raises:
        ConfigError: one of them is no share of a mixture.

    Source:
        Saerens et al., Adjusting the outputs of a classifier to new a priori probabilities,
        Neural Computation 2002, 14, 21.

    Example:
        >>> round(prior_shift(0.01, 0.5)(0.9), 4)
        0.0833
    """
    if prevalence is None:
        return float
    if not 0 < prevalence < 1:
        raise ConfigError(
            f"prevalence: is no share of a library; got {prevalence}, expected more than 0 and "
            "less than 1. Give 0.005 where one compound in 200 is thought active."
        )
    if not 0 < share < 1:
        raise ConfigError(
            f"prevalence: cannot be reached from a support of one class; got {share:.0%} active, "
            "expected actives and inactives. Leave --prevalence out, or add measured molecules."
        )
    ratio = prevalence / (1 - prevalence) / (share / (1 - share))
    return lambda p: p * ratio / (p * ratio + (1 - p))
