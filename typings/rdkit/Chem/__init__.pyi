from typing import Any

from rdkit.Chem.rdchem import Atom as Atom
from rdkit.Chem.rdchem import Bond as Bond
from rdkit.Chem.rdchem import Mol as Mol

def __getattr__(name: str) -> Any: ...  # noqa: ANN401
