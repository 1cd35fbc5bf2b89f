"""Information content of molecular graphs, in exact integer arithmetic.

RDKit's `Ipc` and `AvgIpc` use floating point. For more than some 70 atoms the coefficients lose
digits, so values depend on the atom numbering and on the processor's linear algebra.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from rdkit.Chem import Mol


def information_content(mol: Mol) -> dict[str, float]:
    """Return RDKit's descriptors `Ipc` and `AvgIpc` of a molecule, by name.

    | symbol | meaning |
    |---|---|
    | c_k | coefficients of the characteristic polynomial of the adjacency matrix |
    | p_k | abs(c_k) / sum of all abs(c_k) |

    AvgIpc = -sum p_k log2 p_k, in bits, and Ipc = AvgIpc * sum abs(c_k).

    Source:
        Bonchev and Trinajstić, J. Chem. Phys. 1977, 67, 4517, equations 6 and 7.
    """
    sizes = [abs(coefficient) for coefficient in characteristic_polynomial(mol)]
    total = sum(sizes)
    # Dividing integers is exact to the last digit even where both exceed the largest float.
    shares = [size / total for size in sizes if size]
    average = math.fsum(p * math.log2(1 / p) for p in shares if p)
    return {"Ipc": average * min(total, 10**300), "AvgIpc": average}


def characteristic_polynomial(mol: Any) -> list[int]:  # noqa: ANN401 - RDKit's stubs are incomplete
    """Coefficients of the characteristic polynomial of the adjacency matrix, highest power first.

    Source:
        Faddeev-LeVerrier algorithm; Trinajstić, Chemical Graph Theory, CRC Press 1992, page 76.
    """
    n = int(mol.GetNumAtoms())
    neighbours: list[list[int]] = [
        [other.GetIdx() for other in atom.GetNeighbors()] for atom in mol.GetAtoms()
    ]
    degree = max(map(len, neighbours), default=0)
    # Atoms with fewer neighbours are padded with row n of the matrix, which stays zero.
    index = np.array([row + [n] * (degree - len(row)) for row in neighbours], np.int64)
    matrix = np.eye(n + 1, n, dtype=np.int64)
    coefficients = [1]
    diagonal = np.arange(n)
    for k in range(1, n + 1):
        # The trace below must not overflow; from there on, entries are Python integers.
        if matrix.dtype != object and int(np.abs(matrix).max()) * n * degree >= 2**62:
            matrix = matrix.astype(object)
        matrix[:n] = matrix[index].sum(axis=1)
        coefficients.append(-int(matrix[diagonal, diagonal].sum()) // k)
        matrix[diagonal, diagonal] += coefficients[-1]
    return coefficients
