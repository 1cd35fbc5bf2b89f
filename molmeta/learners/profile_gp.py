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
from molmeta.learners.base import MetaLearner, require_support
from molmeta.molecules.blocks import EMBEDDING, Bits, Vectors
from molmeta.molecules.featurizers import FEATURIZERS
from molmeta.molecules.similarity import tanimoto

if TYPE_CHECKING:
    from molmeta.assays.training_data import TrainingData
    from molmeta.encoders.base import Encoder
    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.labelled import Labelled

STRUCTURES = ("morgan3", "pharmacophores", "atom_pairs", "torsions")
TYPICAL_SUPPORT = 32
FADING = 0.4
"""Power of the support's size by which the encoder counts less: a large one says more by itself."""
NOISES = (1 / 16, 1 / 4, 1.0, 4.0, 16.0)
"""Multiples of the learnt noise."""
JITTER = 1e-4


class ProfileInputs(NamedTuple):
    """Molecules as the process sees them.

    Attributes:
        structures: one fingerprint of each kind.
        profiles: what is known of each.
        activity: shrunk mean over its profile, shape (G,).
        vectors: the encoder's, each of length 1, shape (G, W); None without an encoder.
    """

    structures: tuple[Bits, ...]
    profiles: Profiles
    activity: Tensor
    vectors: Tensor | None


class ProfileGP(MetaLearner):
    """Gaussian process whose kernel and mean know what thousands of earlier assays measured.

    k(x, x') = sum_i a_i T_i(x, x') + c p.p' / sqrt((|p|^2 + e)(|p'|^2 + e)) (and, where there is
    an encoder, + d (S / 32)^-2/5 cos(z, z')), with S the size of the support, T_i the Tanimoto
    similarities of four fingerprints and p the activity profile of a compound over the training
    assays (`ActivityRecords`), empty for a compound that none has measured. The mean is
    m(x) = b S^-h sum(p) / (n + g), with n the assays that measured x: what has been active
    elsewhere is likelier to be active here, the more so the less else is known. With y in {-1, 1},
    o the mean of y - m and v the posterior variance, f(q) = m(q) + o + k_q (K + r I)^-1 (y - m - o)
    and logit = s f / sqrt(1 + w v). The noise r is one of five multiples of what is learnt for a
    support of S, averaged over by how well each explains this support (`averaged`): within a
    series of analogues much is noise, between actives and anything else little. All of a, b, c,
    d, e, g, h, r, s, w are meta-learnt on episodes, each of which does not see in the profiles what
    its own assay and its own target have measured.

    To a support of actives alone, 64 training molecules are added as presumed inactives
    (`Background`), so that what any two molecules share counts little. They have z = 0: most have
    been active on a training target, and would speak against all that resembles one. Where there
    are none, unknown molecules are inactive: o = -1.

    Source:
        Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006, chapter 2; Patacchiola
        et al., Bayesian Meta-Learning for the Few-Shot Setting via Deep Kernels, NeurIPS 2020
        (shared kernel parameters learnt on episodes); Petrone et al., ACS Chem. Biol. 2012, 7, 1399
        (activity profiles).

    Args:
        encoder: any encoder, whose vectors the kernel then compares too; none is needed.
        learnt: d; a large support says more by itself. None learns it, and the encoder, with the
            rest. With a number the encoder stays as `init` brings it, and is left out of training:
            it has met the targets of these episodes, and would seem to know more than it will know
            of a new one.
        profiles: whether to remember what the training assays have measured.
        mean: whether m is there; without it, only the kernel knows anything.
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

    def __init__(
        self,
        encoder: Encoder | None = None,
        *,
        learnt: float | None = None,
        profiles: bool = True,
        mean: bool = True,
    ) -> None:
        super().__init__(encoder)
        if learnt is not None and not 0 <= learnt < math.inf:
            raise ConfigError(
                f"learner 'profile_gp': weight of the encoder is out of range; got {learnt}, "
                "expected 0 or more. Change 'learnt' in its options."
            )
        self.learnt, self.profiles, self.mean = learnt, profiles, mean
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
        if encoder is not None and learnt is None:
            self.log_learnt = nn.Parameter(torch.zeros(1))
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
            n_own, support = len(support), self.background.added(support)
            added = (0, 0, 0, len(support) - n_own)
            vectors = None if vectors is None else F.pad(vectors, added)
        points = self._looked_up(support.molecules, vectors)
        n = math.log(len(support) / TYPICAL_SUPPORT)
        ridge = (self.log_ridge[0] + self.log_ridge[1] * n).exp()
        shrink = self.mean_weight * (-self.mean_power * n).exp() * self.mean
        kernel = self.kernel(points, points).double()
        residual = support.labels * 2 - 1 - points.activity * shrink
        offset = residual.mean() if bool((support.labels < 0.5).any()) else -torch.ones(())
        noises = ridge * torch.tensor(NOISES).to(ridge) + JITTER
        seen = averaged(
            kernel, (residual - offset).double(), noises.double(), self.noise_prior.double()
        )
        scale = (self.log_scale[0] + self.log_scale[1] * n).exp()
        return ProfilePredictor(self, points, shrink, seen, offset, scale)

    def points(self, molecules: Molecules) -> ProfileInputs:
        """Look molecules up."""
        return self._looked_up(molecules, self._vectors(molecules))

    def _looked_up(self, molecules: Molecules, vectors: Tensor | None) -> ProfileInputs:
        structures = tuple(molecules.block(name, Bits) for name in STRUCTURES)
        profiles = self.records.look_up(molecules)
        activity = profiles.sums(profiles.values) / (profiles.counts + self.log_shrink[1].exp())
        return ProfileInputs(structures, profiles, activity, vectors)

    def kernel(self, x: ProfileInputs, others: ProfileInputs) -> Tensor:
        """Prior covariance of G molecules with S others, shape (G, S)."""
        pairs = zip(self.log_structure.exp(), x.structures, others.structures, strict=True)
        structure = sum(weight * tanimoto(bits, known) for weight, bits, known in pairs)
        lengths = torch.outer(self._length(x), self._length(others))
        known = self.log_profile.exp() * x.profiles.products(others.profiles) / lengths
        if x.vectors is None or others.vectors is None:
            return structure + known
        weight = self._weight(len(others.activity))
        return structure + known + weight * (x.vectors @ others.vectors.T)

    def variance(self, x: ProfileInputs, n_support: int) -> Tensor:
        """Prior variance of each molecule, shape (G,), beside a support of that size."""
        known = 1 - self.log_shrink[0].exp() / self._length(x) ** 2
        total = self.log_structure.exp().sum() + self.log_profile.exp() * known
        return total if x.vectors is None else total + self._weight(n_support)

    def _vectors(self, molecules: Molecules) -> Tensor | None:
        if self.encoder is None or (self.training and self.learnt is not None):
            return None
        if EMBEDDING in molecules.blocks:
            return molecules.block(EMBEDDING, Vectors).values
        return self.encoder.directions(molecules)

    def _weight(self, n_support: int) -> Tensor | float:
        weight = self.log_learnt.exp() if self.learnt is None else self.learnt
        return weight * (n_support / TYPICAL_SUPPORT) ** -FADING

    def _length(self, x: ProfileInputs) -> Tensor:
        return (x.profiles.sums(x.profiles.values**2) + self.log_shrink[0].exp()).sqrt()


@dataclass(frozen=True)
class ProfilePredictor:
    """The process after it has seen a support."""

    learner: ProfileGP
    known: ProfileInputs
    shrink: Tensor
    seen: Averaged
    offset: Tensor
    scale: Tensor

    def __call__(self, molecules: Molecules) -> Tensor:
        mean, variance = self._posterior(molecules)
        doubt = (1 + self.learner.log_doubt.exp() * variance).sqrt()
        return self.scale * mean / doubt + self.learner.bias

    def uncertainty(self, molecules: Molecules) -> Tensor:
        """Return the posterior standard deviation, labels being 1 and -1, shape (G,)."""
        return self._posterior(molecules)[1].sqrt()

    def _posterior(self, molecules: Molecules) -> tuple[Tensor, Tensor]:
        points = self.learner.points(molecules)
        kernel = self.learner.kernel(points, self.known).double()
        mean = (
            points.activity * self.shrink
            + self.offset
            + (kernel @ self.seen.weights).to(points.activity)
        )
        explained = (kernel @ self.seen.factor).square().sum(1).to(mean)
        prior = self.learner.variance(points, len(self.known.activity))
        return mean, (prior - explained).clamp(min=1e-6)
