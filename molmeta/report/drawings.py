"""Drawings of molecules as small SVG: RDKit draws, and strokes are merged into few paths."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from markupsafe import Markup
from rdkit.Chem.Draw import rdMolDraw2D

from molmeta.errors import MoleculeError
from molmeta.molecules.compounds import parse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from rdkit import Chem

WIDTH, HEIGHT = 240, 170
_LARGEST = 120
_BOND = 26.0
_SPOT = 0.38
"""Radius of a spot, in bond lengths."""
_FAINTEST = 0.08
"""Atoms with a smaller weight get no spot."""


@lru_cache(maxsize=20_000)
def molecule(smiles: str) -> Markup | None:
    """Return the drawing of a molecule, or None if it cannot be parsed or is too large.

    Letters remain text in the font of the page, so a drawing takes about 1.5 kB instead of 12 kB.
    """
    try:
        return drawing(parse(smiles), smiles)
    except MoleculeError:
        return None


def drawing(mol: Chem.Mol, label: str, weights: Sequence[float] = ()) -> Markup | None:
    """Return the drawing of a parsed molecule, in its own layout if it has one.

    Args:
        mol: molecule to draw.
        label: description for screen readers.
        weights: weight of each atom, from -1 to 1, drawn as a spot behind it: of class `for` if
            positive, `against` if negative. Empty for no spots.

    Returns:
        An SVG element, or None if the molecule is too large.
    """
    if not 0 < mol.GetNumHeavyAtoms() <= _LARGEST:
        return None
    drawer = rdMolDraw2D.MolDraw2DSVG(WIDTH, HEIGHT, -1, -1, True)  # noqa: FBT003 - no Freetype
    options = drawer.drawOptions()
    options.useBWAtomPalette()
    options.fixedBondLength = _BOND
    options.minFontSize = 11
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, mol)  # pyright: ignore[reportUnknownMemberType]
    drawer.FinishDrawing()
    return _joined(drawer.GetDrawingText(), label, _spots(drawer, mol, weights))


def _spots(drawer: Any, mol: Chem.Mol, weights: Sequence[float]) -> list[dict[str, str]]:  # noqa: ANN401 - RDKit's
    """Attributes of the circles behind atoms; the opacity is the weight."""
    radius = _SPOT * _bond_length(drawer, mol)
    return [
        {
            "cx": f"{drawer.GetDrawCoords(atom).x:.1f}",
            "cy": f"{drawer.GetDrawCoords(atom).y:.1f}",
            "r": f"{radius:.1f}",
            "class": "for" if weight > 0 else "against",
            "fill-opacity": f"{min(abs(weight), 1):.2f}",
        }
        for atom, weight in enumerate(weights)
        if abs(weight) >= _FAINTEST
    ]


def _bond_length(drawer: Any, mol: Chem.Mol) -> float:  # noqa: ANN401 - RDKit's
    """Length of a bond in the drawing, in which large molecules are scaled down."""
    # RDKit draws all bonds to one scale, so the first one is measured.
    for bond in mol.GetBonds():
        start, end = (
            drawer.GetDrawCoords(a) for a in (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
        )
        return float((start - end).Length())
    return _BOND


def _joined(text: str, label: str, spots: list[dict[str, str]]) -> Markup:
    # RDKit declares this encoding in the header, and the parser decodes bytes by it.
    source = ElementTree.fromstring(text.encode("iso-8859-1"))
    shapes = [element for element in source if element.tag.endswith("path")]
    letters = [element for element in source if element.tag.endswith("text")]
    result = ElementTree.Element(
        "svg",
        {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "class": "mol", "role": "img", "aria-label": label},
    )
    for spot in spots:
        ElementTree.SubElement(result, "circle", spot)
    _path(result, [s for s in shapes if "fill:none" in s.get("style", "")], "bonds")
    _path(result, [s for s in shapes if "fill:none" not in s.get("style", "")], "wedges")
    for element in letters:
        _letter(result, element)
    return Markup(ElementTree.tostring(result, encoding="unicode"))


def _path(parent: Element, shapes: list[Element], name: str) -> None:
    if shapes:
        route = "".join(shape.get("d", "").replace(" L ", "L") for shape in shapes)
        route = route.replace("M ", "M").replace(" Z", "Z")
        ElementTree.SubElement(parent, "path", {"class": name, "d": route})


def _letter(parent: Element, element: Element) -> None:
    size = element.get("style", "").partition("font-size:")[2].partition("px")[0]
    attributes = {"x": element.get("x", "0"), "y": element.get("y", "0"), "font-size": size}
    ElementTree.SubElement(parent, "text", attributes).text = element.text
