"""Prevalence of actives in a library, and the shift of probabilities to that prevalence."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from molmeta.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable


class Estimate(NamedTuple):
    """Estimated share of actives in a library.

    Attributes:
        share: the estimate, above 0.
        low, high: ends of an 80 % interval; low is 0 where the scores are compatible with a
            library without actives.
    """

    share: float
    low: float
    high: float


def share_of(prevalence: float | Estimate | None) -> float | None:
    """A given or estimated prevalence as a number; None if there is neither."""
    return prevalence.share if isinstance(prevalence, Estimate) else prevalence


def prior_shift(prevalence: float | None, share: float) -> Callable[[float], float]:
    """Function that shifts a probability from the support's share of actives to a prevalence.

    p becomes p r / (p r + 1 - p) with r = odds(prevalence) / odds(share). The ranking does not
    change, and neither do probabilities of 0 and 1.

    Args:
        prevalence: share of actives in the library, between 0 and 1; None changes nothing.
        share: share of actives in the support, between 0 and 1 if there is a prevalence.

    Raises:
        ConfigError: one of them is not between 0 and 1.

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
            f"prevalence: must be above 0 and below 1; got {prevalence}, expected a share such as "
            "0.005, one compound in 200. Correct --prevalence."
        )
    if not 0 < share < 1:
        raise ConfigError(
            f"prevalence: needs a support of both classes; got {share:.0%} active, expected "
            "actives and inactives. Leave --prevalence out, or add measured compounds."
        )
    ratio = prevalence / (1 - prevalence) / (share / (1 - share))
    return lambda p: p * ratio / (p * ratio + (1 - p))
