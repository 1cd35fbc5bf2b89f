"""Gaussian process on structures and on what earlier assays measured for each compound."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.assays.records import ActivityRecords, Profiles
from molmeta.encoders.base import Paper
from molmeta.errors import ConfigError
from molmeta.learners._parents.embedding import in_chunks
from molmeta.learners._parts.background import Background
from molmeta.learners._parts.noise import Averaged, averaged
from molmeta.learners._parts.relatedness import analogue_probability, library_likeness
from molmeta.learners.base import MetaLearner, require_support
from molmeta.molecules.blocks import EMBEDDING, Bits, Vectors
from molmeta.molecules.featurizers import FEATURIZERS
from molmeta.molecules.similarity import tanimoto

if TYPE_CHECKING:
    from collections.abc import Mapping

    from molmeta.assays.training_data import TrainingData
    from molmeta.encoders.base import Encoder
    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.labelled import Labelled

STRUCTURES = ("morgan3", "pharmacophores", "atom_pairs", "torsions")
TYPICAL_SUPPORT = 32
FADING = 0.4
"""Power of the support size by which the weight of the encoder falls."""
NOISES = (1 / 16, 1 / 4, 1.0, 4.0, 16.0)
"""Noise levels, as multiples of the trained noise."""
JITTER = 1e-4
PRESUMED = 16
"""Compounds that the whole background counts for in the support size S of a library."""
NEGLIGIBLE = 0.01
"""Weight below which a process of `adapt_library` is left out."""
CALIBRATION, CALIBRATION_SIZE, CALIBRATED_SIZES = (-1.595, 0.515), 24, (8, 64)
"""Log-odds of the share of actives for which library scores are calibrated: value for a support of
24 and slope in log(S / 24), fitted for supports of 8 to 64; see docs/screening.md."""


class ProfileInputs(NamedTuple):
    """The features of G molecules that the process compares.

    Attributes:
        structures: one fingerprint of each kind.
        profiles: activity profiles over the training assays.
        activity: shrunk mean of each profile, sum(p) / (n + g), shape (G,).
        vectors: vectors of the encoder, scaled to length 1, shape (G, W); None without an encoder.
    """

    structures: tuple[Bits, ...]
    profiles: Profiles
    activity: Tensor
    vectors: Tensor | None


class ProfileGP(MetaLearner):
    """A Gaussian process whose mean and kernel use the activity records of the training assays.

    Kernel, mean, posterior mean and logit, for a support of S molecules with labels y in {-1, 1}:

        k(x, x') = sum_i a_i T_i(x, x') + c p.p' / sqrt((|p|^2 + e) (|p'|^2 + e))
                   + d (S / 32)^-2/5 cos(z, z')
        m(x)     = b (S / 32)^-h sum(p) / (n + g)
        f(q)     = m(q) + o + k_q (K + r I)^-1 (y - m - o)
        logit(q) = s f(q) / sqrt(1 + w v(q)) + t

    A compound that was active in other assays is more likely to be active here; this counts less
    in larger supports. The noise r is one of five multiples of r0 (S / 32)^q. Predictions are
    averaged over them, weighted by how well each explains the support (`averaged`): within a
    series of analogues the noise is high, between actives and unrelated compounds it is low.

    | symbol    | attribute            | meaning                             | start value     |
    | --------- | -------------------- | ----------------------------------- | --------------- |
    | T_i       | `STRUCTURES`         | similarities of four fingerprints   |                 |
    | log a_i   | `log_structure`      | their weights                       | log 1/4 each    |
    | p         | `records`            | activity profile, if recorded       |                 |
    | n         |                      | number of assays in the profile     |                 |
    | log c     | `log_profile`        | weight of the profiles              | 0               |
    | log e     | `log_shrink[0]`      | shrinkage of the cosine             | log 2           |
    | log g     | `log_shrink[1]`      | shrinkage of the mean activity      | log 1.5         |
    | z         | `encoder`            | vectors of the encoder              |                 |
    | d         | `encoder_weight`     | weight of the encoder               | an option, or 1 |
    | log d     | `log_encoder_weight` | the same, if it is trained          | 0               |
    | b         | `mean_weight`        | weight of the mean                  | 0.4             |
    | h         | `mean_power`         | fall of the mean with S             | 0.4             |
    | o         |                      | mean of y - m; -1 without inactives |                 |
    | log r0, q | `log_ridge`          | noise at S = 32, growth with S      | log 0.5, 0.3    |
    |           | `noise_prior`        | log-probability of each noise       | 0 each          |
    | log s     | `log_scale`          | logit scale, slope in log(S / 32)   | log 2, 0        |
    | v         |                      | posterior variance                  |                 |
    | log w     | `log_doubt`          | weight of the variance              | 0               |
    | t         | `bias`               | bias of the logits                  | 0               |

    All trained symbols are trained on episodes. No episode sees the records of its own target.

    A support of actives alone is extended by 64 training molecules as presumed inactives
    (`Background`), so that features common to most molecules count little. Their vectors z are 0:
    most of them were active on a training target, and would count against compounds like them.
    Without a background, o = -1 makes unknown molecules inactive.

    In a library (`adapt_library`), unmeasured compounds are presumed inactive, and a measured
    inactive that is an analogue of the actives still resembles them more than a library does. So
    the process regresses 1 for actives and t - 1 for inactives, with t the probability that one
    is an analogue (`analogue_probability`); the background and 24 catalogue-like molecules, these
    with their vectors, are -1. It has o = -1, and m = 0 because frequent hitters are not hits. If
    the inactives of the support represent a library themselves (`library_likeness`), a process on
    the support alone replaces it; in between, the two logits are averaged.

    Source:
        Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006, chapter 2; Patacchiola
        et al., NeurIPS 2020 (shared kernel parameters trained on episodes).

    Args:
        encoder: any encoder, whose vectors the kernel compares as well; optional.
        encoder_weight: d, 0 or more. With a number, the encoder keeps the weights from `init` and
            is left out of training, because it was trained on the targets of the training
            episodes and would seem more reliable than it is for a new target. None trains d and
            the encoder with the other parameters.
        profiles: whether to keep activity records of the training assays.
        mean: whether to use m; without it, only the kernel uses the records.

    Raises:
        ConfigError: `encoder_weight` is out of range.
    """

    papers = (
        Paper(
            authors=(
                "Petrone, Paula M.; Simms, Benjamin; Nigsch, Florian; Lounkine, Eugen; "
                "Kutchukian, Peter; Cornett, Allen; Deng, Zhan; Davies, John W.; Jenkins, Jeremy "
                "L.; Glick, Meir"
            ),
            year=2012,
            title=(
                "Rethinking Molecular Similarity: Comparing Compounds on the Basis of Biological "
                "Activity"
            ),
            venue="ACS Chemical Biology",
            kind="article",
        ),
    )
    use_when = "you have no reason for another: it is the pretrained model and trains in a minute"
    needs: ClassVar[tuple[str, ...]] = STRUCTURES
    actives_only: ClassVar[bool] = True
    uncertainty: ClassVar[bool] = True
    renamed_options: ClassVar[Mapping[str, str]] = {"learnt": "encoder_weight"}

    def __init__(
        self,
        encoder: Encoder | None = None,
        *,
        encoder_weight: float | None = None,
        profiles: bool = True,
        mean: bool = True,
    ) -> None:
        super().__init__(encoder)
        if encoder_weight is not None and not 0 <= encoder_weight < math.inf:
            raise ConfigError(
                f"learner 'profile_gp': encoder_weight is out of range; got {encoder_weight}, "
                "expected 0 or more. Change it in its options."
            )
        self.encoder_weight, self.profiles, self.mean = encoder_weight, profiles, mean
        self.records = ActivityRecords()
        self.log_structure = nn.Parameter(torch.full((len(STRUCTURES),), -math.log(4)))
        self.log_profile = nn.Parameter(torch.zeros(1))
        self.log_shrink = nn.Parameter(torch.log(torch.tensor([2.0, 1.5])))
        self.mean_weight = nn.Parameter(torch.full((1,), 0.4))
        self.mean_power = nn.Parameter(torch.full((1,), 0.4))
        self.log_ridge = nn.Parameter(torch.tensor([math.log(0.5), 0.3]))
        self.noise_prior = nn.Parameter(torch.zeros(len(NOISES)))
        self.log_scale = nn.Parameter(torch.tensor([math.log(2.0), 0.0]))
        self.log_doubt = nn.Parameter(torch.zeros(1))
        self.bias = nn.Parameter(torch.zeros(1))
        if encoder is not None and encoder_weight is None:
            self.log_encoder_weight = nn.Parameter(torch.zeros(1))
        self.background = Background({name: FEATURIZERS[name].size for name in STRUCTURES})

    def fit(self, data: TrainingData) -> None:
        super().fit(data)
        if self.profiles:
            self.records.fill(data)
        self.background.fill(data)
        self.background.to(self.bias.device)

    def prepare(self, molecules: Molecules) -> Molecules:
        if self.encoder is None:
            return molecules
        vectors = in_chunks(self.encoder.directions, molecules)
        return molecules.with_block(EMBEDDING, Vectors(vectors))

    def adapt(self, support: Labelled) -> ProfilePredictor:
        require_support(support.labels, actives_only=True)
        vectors = self._vectors(support.molecules)
        if bool((support.labels > 0.5).all()):
            n_actives, support = len(support), self.background.added(support)
            vectors = _with_zero_rows(vectors, len(support) - n_actives)
        inputs = self._looked_up(support.molecules, vectors)
        log_size = math.log(len(support) / TYPICAL_SUPPORT)
        mean_weight = self.mean_weight * (-self.mean_power * log_size).exp() * self.mean
        residual = support.labels * 2 - 1 - inputs.activity * mean_weight
        offset = residual.mean() if bool((support.labels < 0.5).any()) else -torch.ones(())
        return self._conditioned(inputs, residual - offset, mean_weight, offset, len(support))

    def adapt_library(self, support: Labelled) -> ProfilePredictor | Mixture:
        require_support(support.labels, actives_only=True)
        active, vectors = support.labels > 0.5, self._vectors(support.molecules)
        inputs = self._looked_up(support.molecules, vectors)
        analogue = analogue_probability(self._nearest_active(inputs, active), active)
        target = torch.where(active, 1.0, analogue - 1)
        weight = library_likeness(analogue[~active])
        parts: list[tuple[float, ProfilePredictor]] = []
        if weight < 1 - NEGLIGIBLE:
            parts.append((1 - weight, self._with_background(support, vectors, target)))
        if weight > NEGLIGIBLE:
            counted = torch.where(active, 1.0, 1 - analogue)
            offset = (counted * target).sum() / counted.sum()
            none = torch.zeros(()).to(target)
            process = self._conditioned(inputs, target - offset, none, offset, len(support))
            parts.append((weight, process))
        return parts[0][1] if len(parts) == 1 else Mixture(tuple(parts))

    def library_share(self, support: Labelled) -> float:
        low, high = CALIBRATED_SIZES
        log_size = math.log(min(max(len(support), low), high) / CALIBRATION_SIZE)
        return 1 / (1 + math.exp(-CALIBRATION[0] - CALIBRATION[1] * log_size))

    def _with_background(
        self, support: Labelled, vectors: Tensor | None, target: Tensor
    ) -> ProfilePredictor:
        """Condition on the support and on presumed inactives."""
        background, catalogue = self.background.molecules(), self.background.catalogue_like()
        molecules = self.background.joined(support.molecules, background, catalogue)
        vectors = _with_zero_rows(vectors, len(background))
        if vectors is not None and (of_catalogue := self._vectors(catalogue)) is not None:
            vectors = torch.cat([vectors, of_catalogue])
        inputs = self._looked_up(molecules, vectors)
        above = F.pad(target + 1, (0, len(molecules) - len(support)))
        none, offset = torch.zeros(()).to(above), -torch.ones(()).to(above)
        return self._conditioned(inputs, above, none, offset, len(support) + PRESUMED)

    def _conditioned(
        self, inputs: ProfileInputs, y: Tensor, mean_weight: Tensor, offset: Tensor, size: int
    ) -> ProfilePredictor:
        """Condition on y, the labels less mean and offset, shape (S,), with S taken as `size`."""
        log_size = math.log(size / TYPICAL_SUPPORT)
        ridge = (self.log_ridge[0] + self.log_ridge[1] * log_size).exp()
        noises = ridge * torch.tensor(NOISES).to(ridge) + JITTER
        kernel = self.kernel(inputs, inputs, size).double()
        regression = averaged(kernel, y.double(), noises.double(), self.noise_prior.double())
        scale = (self.log_scale[0] + self.log_scale[1] * log_size).exp()
        return ProfilePredictor(self, inputs, mean_weight, regression, offset, scale, size)

    def _nearest_active(self, inputs: ProfileInputs, active: Tensor) -> Tensor:
        """Similarity of each compound to its nearest active, shape (S,)."""
        rows = torch.nonzero(active)[:, 0]
        if inputs.vectors is not None:
            return (inputs.vectors @ inputs.vectors[rows].T).amax(1)
        pairs = zip(self.log_structure.softmax(0), inputs.structures, strict=True)
        weighted = [weight * tanimoto(bits, bits.select(rows)) for weight, bits in pairs]
        return torch.stack(weighted).sum(0).amax(1)

    def inputs(self, molecules: Molecules) -> ProfileInputs:
        """Return the features of molecules that the process compares."""
        return self._looked_up(molecules, self._vectors(molecules))

    def _looked_up(self, molecules: Molecules, vectors: Tensor | None) -> ProfileInputs:
        structures = tuple(molecules.block(name, Bits) for name in STRUCTURES)
        profiles = self.records.look_up(molecules)
        activity = profiles.sums(profiles.values) / (profiles.counts + self.log_shrink[1].exp())
        return ProfileInputs(structures, profiles, activity, vectors)

    def kernel(self, x: ProfileInputs, others: ProfileInputs, size: int) -> Tensor:
        """Return the prior covariance of G molecules with others, shape (G, S).

        Args:
            x: features of G molecules.
            others: features of S molecules.
            size: support size, which sets the weight of the encoder.
        """
        triples = zip(self.log_structure.exp(), x.structures, others.structures, strict=True)
        of_structure = sum(weight * tanimoto(bits, theirs) for weight, bits, theirs in triples)
        lengths = torch.outer(self._length(x), self._length(others))
        of_profile = self.log_profile.exp() * x.profiles.products(others.profiles) / lengths
        if x.vectors is None or others.vectors is None:
            return of_structure + of_profile
        weight = self._weight(size)
        return of_structure + of_profile + weight * (x.vectors @ others.vectors.T)

    def variance(self, x: ProfileInputs, n_support: int) -> Tensor:
        """Return the prior variance of each molecule, shape (G,), for a support of this size."""
        # |p|^2 / (|p|^2 + e), from the length that is computed anyway.
        of_profile = 1 - self.log_shrink[0].exp() / self._length(x) ** 2
        total = self.log_structure.exp().sum() + self.log_profile.exp() * of_profile
        return total if x.vectors is None else total + self._weight(n_support)

    def _vectors(self, molecules: Molecules) -> Tensor | None:
        if self.encoder is None or (self.training and self.encoder_weight is not None):
            return None
        if EMBEDDING in molecules.blocks:
            return molecules.block(EMBEDDING, Vectors).values
        return self.encoder.directions(molecules)

    def _weight(self, n_support: int) -> Tensor | float:
        fixed = self.encoder_weight
        weight = self.log_encoder_weight.exp() if fixed is None else fixed
        return weight * (n_support / TYPICAL_SUPPORT) ** -FADING

    def _length(self, x: ProfileInputs) -> Tensor:
        return (x.profiles.sums(x.profiles.values**2) + self.log_shrink[0].exp()).sqrt()


@dataclass(frozen=True)
class ProfilePredictor:
    """The process conditioned on a support.

    Attributes:
        learner: the learner with its trained parameters.
        support: features of the support, including the background.
        mean_weight: b (S / 32)^-h, shape (1,).
        regression: regression of y - m - o, averaged over noise levels.
        offset: o.
        scale: s.
        size: support size S.
    """

    learner: ProfileGP
    support: ProfileInputs
    mean_weight: Tensor
    regression: Averaged
    offset: Tensor
    scale: Tensor
    size: int

    def __call__(self, molecules: Molecules) -> Tensor:
        mean, variance = self._posterior(molecules)
        doubt = (1 + self.learner.log_doubt.exp() * variance).sqrt()
        return self.scale * mean / doubt + self.learner.bias

    def uncertainty(self, molecules: Molecules) -> Tensor:
        """Return the posterior standard deviation, with labels of 1 and -1, shape (G,)."""
        return self._posterior(molecules)[1].sqrt()

    def _posterior(self, molecules: Molecules) -> tuple[Tensor, Tensor]:
        query = self.learner.inputs(molecules)
        kernel = self.learner.kernel(query, self.support, self.size).double()
        of_kernel = (kernel @ self.regression.weights).to(query.activity)
        mean = query.activity * self.mean_weight + self.offset + of_kernel
        explained = (kernel @ self.regression.factor).square().sum(1).to(mean)
        prior = self.learner.variance(query, self.size)
        return mean, (prior - explained).clamp(min=1e-6)


@dataclass(frozen=True)
class Mixture:
    """A weighted mean of predictors.

    Attributes:
        parts: weight and predictor; the weights add up to 1.
    """

    parts: tuple[tuple[float, ProfilePredictor], ...]

    def __call__(self, molecules: Molecules) -> Tensor:
        return torch.stack([weight * part(molecules) for weight, part in self.parts]).sum(0)

    def uncertainty(self, molecules: Molecules) -> Tensor:
        """Return the mean posterior standard deviation, with labels of 1 and -1, shape (G,)."""
        return torch.stack([w * part.uncertainty(molecules) for w, part in self.parts]).sum(0)


def _with_zero_rows(vectors: Tensor | None, n: int) -> Tensor | None:
    return None if vectors is None else F.pad(vectors, (0, 0, 0, n))
