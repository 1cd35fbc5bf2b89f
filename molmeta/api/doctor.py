"""Checks an installation: versions, machine, optional packages, and a screen of known answer."""

from __future__ import annotations

import os
import platform
import time
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn import metrics

from molmeta.api.demo import FILES
from molmeta.extras import EXTRAS
from molmeta.models.pretrained import NAME, load_pretrained
from molmeta.screening.supports import read_support
from molmeta.version import __version__

if TYPE_CHECKING:
    from molmeta.models.model import Model

PACKAGES = ("torch", "rdkit", "numpy", "pandas", "scikit-learn")
N_SUPPORT, N_LIBRARY = 30, 2_000
LOWEST_AUROC = 0.9
"""The self-test reaches 0.98; with wrong weights or fingerprints it stays near 0.5."""


def doctor() -> dict[str, str]:
    """Describe the installation and test it, for yourself or for a report of a problem.

    Returns:
        A line of text for each subject. "self-test" starts with "passed" or "FAILED".

    Raises:
        ModelError: the file of the pretrained model is damaged.

    Example:
        >>> import molmeta
        >>> molmeta.doctor()["self-test"].split()[0]
        'passed'
    """
    model = load_pretrained()
    return {
        "molmeta": f"{__version__}, {Path(__file__).parents[1]}",
        "Python": f"{platform.python_version()}, {platform.system()} {platform.machine()}",
        "packages": ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES),
        "extras": _extras(),
        "processor": f"{os.cpu_count()} cores; torch uses {torch.get_num_threads()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
        "GPU": torch.cuda.get_device_name() if torch.cuda.is_available() else "none found",
        NAME: f"{model!r}, checksum correct",
        "self-test": _self_test(model),
    }


def _extras() -> str:
    """Return which extras of molmeta are installed, and how to install the others."""
    missing = {extra for package, extra in EXTRAS.items() if find_spec(package) is None}
    installed = ", ".join(sorted({*EXTRAS.values()} - missing)) or "none"
    command = f"pip install 'molmeta[{','.join(sorted(missing))}]'"
    return f"{installed}; to add the others: {command}" if missing else installed


def _self_test(model: Model) -> str:
    """Hide inhibitors of the example's thrombin assay in its library, and rank both."""
    began = time.monotonic()
    smiles, active = read_support(FILES["measured.csv"]).support
    hidden = [
        text for text, label in zip(smiles[N_SUPPORT:], active[N_SUPPORT:], strict=True) if label
    ]
    lines = FILES["library.smi"].read_text().splitlines()[:N_LIBRARY]
    predictor = model.adapt(smiles[:N_SUPPORT], active[:N_SUPPORT])
    scores = predictor.predict([*hidden, *(line.split()[0] for line in lines)])
    is_hidden = np.arange(len(scores)) < len(hidden)
    valid = np.isfinite(scores)
    auroc = metrics.roc_auc_score(is_hidden[valid], scores[valid])
    verdict = "passed" if auroc >= LOWEST_AUROC else "FAILED"
    seconds = time.monotonic() - began
    return (
        f"{verdict}: {len(hidden)} hidden actives among {N_LIBRARY:,} compounds, AUROC {auroc:.3f} "
        f"(at least {LOWEST_AUROC}), {seconds:.1f} s"
    )
