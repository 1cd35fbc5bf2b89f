"""Parent of Gaussian processes on structures and on what earlier assays measured."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from molmeta.assays.records import ActivityRecords
from molmeta.encoders.base import Encoder, Joined
from molmeta.errors import ConfigError
from molmeta.learners._parents.embedding import in_chunks, in_float64
from molmeta.learners._parts.background import Background
from molmeta.learners._parts.nearness import Nearness
from molmeta.learners._parts.noise import averaged
from molmeta.learners._parts.profile_predictor import ProfileInputs, ProfilePredictor
from molmeta.learners._parts.regressed import Regressed
from molmeta.learners._parts.tuning import require
from molmeta.learners.base import MetaLearner
from molmeta.molecules.blocks import EMBEDDING, Bits, Molecules, Vectors
from molmeta.molecules.featurizers import FEATURIZERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from molmeta.assays.training_data import TrainingData

STRUCTURES = ("morgan3", "pharmacophores", "atom_pairs", "torsions")
TYPICAL_SUPPORT = 32
FADING = 0.4
"""Power of the support size by which the weight of the encoder falls."""
NOISES = (1 / 16, 1 / 4, 1.0, 4.0, 16.0)
"""Noise levels, as multiples of the trained noise."""
JITTER = 1e-4
ENCODER, NONE = "encoder", "none"
"""Settings of `further`; the first is also the name of the block of prepared vectors."""
FURTHER = 0.6
"""Weight of the vectors u; see docs/new-chemistry.md."""


class ProfileProcess(MetaLearner):
    """A Gaussian process whose mean and kernel use the activity records of the training assays.

    Kernel, mean, posterior mean and logit, for a support of S molecules with labels y in {-1, 1}:

        k(x, x') = sum_i a_i T_i(x, x') + c p.p' / sqrt((|p|^2 + e) (|p'|^2 + e))
                   + d (S / 32)^-2/5 cos(z, z')
                   + 0.6 e exp(-|u - u'|^2 / l) / sqrt((|p|^2 + e) (|p'|^2 + e))
        m(x)     = b (S / 32)^-h sum(p) / (n + g)
        f(q)     = m(q) + o + k_q (K + r I)^-1 (y - m - o)
        logit(q) = s f(q) / sqrt(1 + w v(q)) + t

    A compound that was active in other assays is more likely to be active here; this counts less
    in larger supports. The noise r is one of five multiples of r0 (S / 32)^q. Predictions are
    averaged over them, weighted by how well each explains the support (`averaged`). The noise is
    high within a series of analogues, and low between actives and unrelated compounds.

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
    | u         | `further`            | vectors of any scale, optional      |                 |
    | l         |                      | median of |u - u'|^2 in the support |                 |
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

    Source:
        Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006, chapter 2; Patacchiola
        et al., NeurIPS 2020 (shared kernel parameters trained on episodes).

    Args:
        encoder: any encoder, whose vectors the kernel compares as well; optional.
        encoder_weight: d, 0 or more. With a number, the encoder keeps the weights from `init` and
            is excluded from training, because it was trained on the targets of the training
            episodes and would seem more reliable than it is for a new target. None trains d and
            the encoder with the other parameters.
        profiles: whether to keep activity records of the training assays.
        mean: whether to use m; without it, only the kernel uses the records.
        assay_encoder: name of a part of a joined encoder that has no part in z: its vectors are u.
        further: where u comes from: "encoder" for `assay_encoder`, the name of a featurizer such as
            that of a foundation model, or "none". Compounds are compared by u within an assay only:
            for those of a library it takes too long.

    Raises:
        ConfigError: `encoder_weight` is out of range.
    """

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
        assay_encoder: str = "",
        further: str = ENCODER,
    ) -> None:
        super().__init__(encoder)
        in_range = encoder_weight is None or 0 <= encoder_weight < math.inf
        require("profile_gp", {"encoder_weight": (encoder_weight, in_range, "0 or more")})
        self.encoder_weight, self.profiles, self.mean = encoder_weight, profiles, mean
        self.assay_encoder, self.further = assay_encoder, further
        if assay_encoder and self._encoders[1] is None:
            raise ConfigError(
                f"profile_gp: 'assay_encoder' is not in 'encoder'; got '{assay_encoder}', expected "
                "a part of a joined encoder, such as 'gine' in 'fingerprint+gine'. Correct it."
            )
        self.records = ActivityRecords()
        self.log_structure = nn.Parameter(torch.full((len(STRUCTURES),), -math.log(4)))
        self.log_profile = nn.Parameter(torch.zeros(1))
        self.log_shrink = nn.Parameter(torch.tensor([math.log(2.0), math.log(1.5)]))
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

    @property
    def library_featurizers(self) -> tuple[str, ...]:
        compared, _ = self._encoders
        of_encoder = () if compared is None else compared.featurizers
        return tuple(dict.fromkeys((*of_encoder, *self.needs)))

    @property
    def featurizers(self) -> tuple[str, ...]:
        source = self._source
        further = source.featurizers if isinstance(source, Encoder) else filter(None, (source,))
        return tuple(dict.fromkeys((*self.library_featurizers, *further)))

    @property
    def _encoders(self) -> tuple[Encoder | None, Encoder | None]:
        """The encoder of z, and the part of a joined encoder that is kept for u."""
        if isinstance(self.encoder, Joined):
            part = self.encoder.part(self.assay_encoder)
            if part is not None:
                return self.encoder.without(part), part
        return self.encoder, None

    @property
    def _source(self) -> Encoder | str | None:
        """What gives the vectors u: a part of the encoder, a featurizer, or nothing."""
        if self.further == ENCODER:
            return self._encoders[1]
        return None if self.further == NONE else self.further

    def fit(self, data: TrainingData) -> None:
        super().fit(data)
        if self.profiles:
            self.records.fill(data)
        self.background.fill(data)
        self.background.to(self.bias.device)

    def prepare(self, molecules: Molecules) -> Molecules:
        """Compute the vectors of molecules that are scored many times.

        Vectors u are left out for molecules of a library, which come without the graphs for them.
        """
        prepared, source = molecules, self._source
        compared, _ = self._encoders
        if compared is not None:
            vectors = in_chunks(compared.directions, molecules)
            prepared = prepared.with_block(EMBEDDING, Vectors(vectors))
        if isinstance(source, Encoder) and set(source.featurizers) <= set(molecules.blocks):
            vectors = in_chunks(partial(in_float64, source), molecules)
            prepared = prepared.with_block(ENCODER, Vectors(vectors))
        return prepared

    def inputs(self, molecules: Molecules, *, further: bool = False) -> ProfileInputs:
        """Return the features of molecules that the process compares.

        Args:
            molecules: G molecules.
            further: whether to compare the vectors u, if there are any.
        """
        inputs = self._looked_up(molecules, self._vectors(molecules))
        vectors = self._further_vectors(molecules) if further else None
        return inputs if vectors is None else replace(inputs, further=Nearness(vectors))

    def _further_vectors(self, molecules: Molecules) -> Tensor | None:
        source = self._source
        if source is None:
            return None
        if isinstance(source, str):
            return molecules.block(source, Vectors).values
        if ENCODER in molecules.blocks:
            return molecules.block(ENCODER, Vectors).values
        return in_float64(source, molecules)

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
        triples = zip(self.log_structure.exp(), others.similarities, x.structures, strict=True)
        of_structure = sum(weight * similarity(bits) for weight, similarity, bits in triples)
        lengths = torch.outer(self._length(x), self._length(others))
        of_profile = self.log_profile.exp() * x.profiles.products(others.profiles) / lengths
        total = of_structure + of_profile
        if x.vectors is not None and others.vectors is not None:
            total = total + self._weight(size) * (x.vectors @ others.vectors.T)
        if x.further is not None and others.further is not None:
            total = total + self._of_further(lengths) * x.further.to(others.further)
        return total

    def kernel_among(self, inputs: ProfileInputs, size: int) -> Callable[[Tensor], Tensor]:
        """Return the kernel of S molecules for the supports that are drawn from them.

        Args:
            inputs: features of S molecules.
            size: size of these supports.

        Returns:
            From the rows of a support to the covariances of all molecules, shape (S, S). They
            depend on the rows only through the scale of the vectors u.
        """
        alone, further = replace(inputs, further=None), inputs.further
        kernel = self.kernel(alone, alone, size)
        if further is None:
            return lambda _: kernel
        length = self._length(inputs)
        weight = self._of_further(torch.outer(length, length))
        return lambda rows: kernel + weight * further.among(rows)

    def variance(self, x: ProfileInputs, n_support: int) -> Tensor:
        """Return the prior variance of each molecule, shape (G,), for a support of this size."""
        # |p|^2 / (|p|^2 + e), from the length that is computed anyway.
        unrecorded = self.log_shrink[0].exp() / self._length(x) ** 2
        of_profile = 1 - unrecorded
        total = self.log_structure.exp().sum() + self.log_profile.exp() * of_profile
        if x.vectors is not None:
            total = total + self._weight(n_support)
        return total if x.further is None else total + FURTHER * unrecorded

    def _vectors(self, molecules: Molecules) -> Tensor | None:
        compared, _ = self._encoders
        if compared is None or (self.training and self.encoder_weight is not None):
            return None
        if EMBEDDING in molecules.blocks:
            return molecules.block(EMBEDDING, Vectors).values
        return compared.directions(molecules)

    def _weight(self, n_support: int) -> Tensor | float:
        fixed = self.encoder_weight
        weight = self.log_encoder_weight.exp() if fixed is None else fixed
        return weight * (n_support / TYPICAL_SUPPORT) ** -FADING

    def _of_further(self, lengths: Tensor) -> Tensor:
        """Weight of the vectors u for pairs of molecules, whose lengths are multiplied."""
        return FURTHER * (self.log_shrink[0].exp() / lengths)

    def _length(self, x: ProfileInputs) -> Tensor:
        return (x.profiles.sums(x.profiles.values**2) + self.log_shrink[0].exp()).sqrt()

    def conditioned(
        self, inputs: ProfileInputs, y: Tensor, mean_weight: Tensor, offset: Tensor, size: int
    ) -> ProfilePredictor:
        """Condition on y, the labels less mean and offset, shape (S,), with S taken as `size`."""
        kernel = self.kernel(inputs, inputs, size)
        process = self.regressed(kernel, y, mean_weight, offset, size)
        return ProfilePredictor(self, inputs, process, size)

    def regressed(
        self, kernel: Tensor, y: Tensor, mean_weight: Tensor, offset: Tensor, size: int
    ) -> Regressed:
        """Return what `conditioned` does, from the kernel of the support, shape (S, S)."""
        log_size = math.log(size / TYPICAL_SUPPORT)
        ridge = (self.log_ridge[0] + self.log_ridge[1] * log_size).exp()
        noises = ridge * torch.tensor(NOISES).to(ridge) + JITTER
        # In float64: near-duplicates make the kernel almost singular at the lowest noise.
        prior = self.noise_prior.double()
        regression = averaged(kernel.double(), y.double(), noises.double(), prior)
        scale = (self.log_scale[0] + self.log_scale[1] * log_size).exp()
        return Regressed(mean_weight, regression, offset, scale, self.log_doubt.exp(), self.bias)
