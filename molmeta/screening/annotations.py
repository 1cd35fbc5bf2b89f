"""Annotates candidates: scaffold, alerts, properties, applicability domain, known results."""

from __future__ import annotations

import logging
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from rdkit import rdBase
from rdkit.Chem import Crippen, Descriptors, FilterCatalog, Mol, rdMolDescriptors

from molmeta.errors import MoleculeError
from molmeta.molecules.compounds import parse, standardize
from molmeta.molecules.scaffolds import scaffold_of
from molmeta.runtime.parallel import mapped
from molmeta.screening.known import key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from molmeta.models.model import Model
    from molmeta.screening.hitfiles import Annotate

DOMAIN = 0.4
"""Similarity to a support compound from which a candidate is inside; see docs/screening.md."""
EXPLAINING_COLUMNS = (
    "scaffold", "alerts", "molecular_weight", "logp", "tpsa", "hbd", "hba", "rotatable_bonds",
    "inside_domain", "training_assays", "hit_rate_elsewhere", "frequent_hitter", "measured",
)  # fmt: skip
SAME, ISOMER = "yes", "isomer"
"""A candidate that was measured, and one that differs from a measured compound in its
stereochemistry only."""
FREQUENT_ASSAYS, FREQUENT_RATE = 10, 0.75
"""A frequent hitter was above the mean in three quarters of ten training assays or more."""
CATALOGS = ("PAINS", "NIH")
SKELETON = 14
"""Characters of an InChIKey that do not depend on stereochemistry."""
_log = logging.getLogger(__name__)


def annotator(model: Model, measured: Sequence[str] = (), *, cores: int = 1) -> Annotate:
    """Function that adds EXPLAINING_COLUMNS to a table of candidates.

    Args:
        model: counts the training assays that measured a compound.
        measured: SMILES of the support, to recognise its compounds among the candidates.
        cores: processes for alerts and properties.

    Example:
        >>> from molmeta.models.named import baseline
        >>> hits = pd.DataFrame({"smiles": ["Oc1ccccc1O"], "nearest_active_similarity": [0.3]})
        >>> annotator(baseline("similarity"))(hits)[["alerts", "inside_domain"]].values.tolist()
        [['PAINS:catechol_A(92);NIH:ortho_hydroquinone', 0]]
    """
    return partial(_annotated, model, tuple(measured), cores)


def new(candidates: pd.DataFrame) -> pd.DataFrame:
    """The candidates that are not compounds of the support; all of them without annotations."""
    return candidates[candidates["measured"].ne(SAME)] if "measured" in candidates else candidates


def inside_domain(similarity: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each compound lies in the applicability domain of this support, shape (G,).

    It does if its Tanimoto similarity (Morgan fingerprints) to a compound of the support is DOMAIN
    or more. What other assays measured for the compound does not count.

    Args:
        similarity: to the nearest compound of the support, NaN if missing, shape (G,).

    Source:
        Sheridan et al., J. Chem. Inf. Comput. Sci. 2004, 44, 1912 (similarity to the nearest
        training compound as the measure of reliability).

    Example:
        >>> inside_domain(np.array([0.7, 0.1]))
        array([ True, False])
    """
    return similarity >= DOMAIN


def alerts(mol: Mol) -> str:
    """Names of the structural alerts that a molecule matches, joined by ';'.

    Source:
        Baell & Holloway, J. Med. Chem. 2010, 53, 2719 (PAINS); Jadhav et al., J. Med. Chem. 2010,
        53, 37 (NIH); both as RDKit's FilterCatalog holds them.
    """
    matches = [
        (str(match.GetProp("FilterSet")).split("_")[0], str(match.GetDescription()))
        for match in _filters().GetMatches(mol)
    ]
    return ";".join(f"{source}:{name}" for source, name in matches)


def _annotated(
    model: Model, measured: Sequence[str], cores: int, candidates: pd.DataFrame
) -> pd.DataFrame:
    texts = [str(text) for text in candidates["smiles"]]
    added = pd.DataFrame(mapped(_described, texts, cores=cores), columns=[*_COLUMNS])
    # Missing values turn integer columns into floats; always using floats keeps one schema.
    added = added.astype(dict.fromkeys(_PROPERTIES, np.float64))
    training, rates = model.training_record(texts)
    columns = [name for name in candidates.columns if str(name).endswith("_similarity")]
    nearest = candidates[columns].astype(float).max(axis=1).to_numpy(np.float64)
    added["inside_domain"] = inside_domain(nearest).astype(np.int64)
    added["training_assays"] = np.maximum(training, 0)
    added["hit_rate_elsewhere"] = rates.round(2)
    frequent = (training >= FREQUENT_ASSAYS) & (rates >= FREQUENT_RATE)
    added["frequent_hitter"] = frequent.astype(np.int64)
    added["measured"] = _measured(texts, nearest, measured)
    return pd.concat([candidates.reset_index(drop=True), added], axis=1)


def _measured(
    smiles: Sequence[str], similarity: NDArray[np.float64], measured: Sequence[str]
) -> list[str]:
    """SAME, ISOMER or "" for each candidate, given its similarity to the nearest of the support."""
    # An InChIKey takes half a millisecond, and equal fingerprints are rare.
    rows = set(np.flatnonzero(similarity >= 1).tolist()) if measured else set[int]()
    keys = {key_of(text) for text in measured} if rows else set[str]()
    skeletons = {key[:SKELETON] for key in keys}
    return [
        "" if row not in rows
        else SAME if (key := key_of(text)) in keys
        else ISOMER if key[:SKELETON] in skeletons
        else ""
        for row, text in enumerate(smiles)
    ]  # fmt: skip


def _described(smiles: str) -> tuple[object, ...]:
    """Scaffold, alerts and properties; empty for a compound that cannot be standardised."""
    try:
        mol = standardize(parse(smiles))
        with rdBase.BlockLogs():
            values = [function(mol) for function in _PROPERTIES.values()]
            return (scaffold_of(mol), alerts(mol), *values)
    except (MoleculeError, ValueError, RuntimeError) as error:
        _log.warning("%s: is not annotated; %s", smiles[:80], error)
        return ("", "", *(float("nan") for _ in _PROPERTIES))


@cache
def _filters() -> Any:  # noqa: ANN401 - an RDKit object
    parameters = FilterCatalog.FilterCatalogParams()
    for name in CATALOGS:
        parameters.AddCatalog(getattr(FilterCatalog.FilterCatalogParams.FilterCatalogs, name))
    return FilterCatalog.FilterCatalog(parameters)


_PROPERTIES: dict[str, Callable[[Mol], float]] = {
    "molecular_weight": lambda mol: round(float(Descriptors.MolWt(mol)), 2),
    "logp": lambda mol: round(float(Crippen.MolLogP(mol)), 2),
    "tpsa": lambda mol: round(float(rdMolDescriptors.CalcTPSA(mol)), 1),
    "hbd": lambda mol: int(rdMolDescriptors.CalcNumHBD(mol)),
    "hba": lambda mol: int(rdMolDescriptors.CalcNumHBA(mol)),
    "rotatable_bonds": lambda mol: int(rdMolDescriptors.CalcNumRotatableBonds(mol)),
}
_COLUMNS = ("scaffold", "alerts", *_PROPERTIES)
