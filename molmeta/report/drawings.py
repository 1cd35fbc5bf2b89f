"""Draws molecules as small SVG: RDKit lays them out, equal strokes are joined into one path."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast
from xml.etree import ElementTree

from markupsafe import Markup
from rdkit import Chem, rdBase
from rdkit.Chem.Draw import rdMolDraw2D

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

WIDTH, HEIGHT = 240, 170
_LARGEST = 120
_BOND = 26.0


@lru_cache(maxsize=20_000)
def molecule(smiles: str) -> Markup | None:
    """Return the drawing of a molecule, or None where it cannot be parsed or is too large.

    Letters stay text and take the page's font, so a drawing has about 1.5 kB instead of 12 kB.
    """
    with rdBase.BlockLogs():
        parsed: Any = Chem.MolFromSmiles(smiles)  # pyright: ignore[reportUnknownMemberType]
    mol = cast("Chem.Mol | None", parsed)
    if mol is None or not 0 < mol.GetNumHeavyAtoms() <= _LARGEST:
        return None
    drawer = rdMolDraw2D.MolDraw2DSVG(WIDTH, HEIGHT, -1, -1, True)  # noqa: FBT003 - no Freetype
    options = drawer.drawOptions()
    options.useBWAtomPalette()
    options.fixedBondLength = _BOND
    options.minFontSize = 11
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, mol)  # pyright: ignore[reportUnknownMemberType]
    drawer.FinishDrawing()
    return _joined(drawer.GetDrawingText(), smiles)


def _joined(text: str, smiles: str) -> Markup:
    source = ElementTree.fromstring(text.encode("iso-8859-1"))
    shapes = [element for element in source if element.tag.endswith("path")]
    letters = [element for element in source if element.tag.endswith("text")]
    drawing = ElementTree.Element(
        "svg",
        {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "class": "mol", "role": "img", "aria-label": smiles},
    )
    _path(drawing, [s for s in shapes if "fill:none" in s.get("style", "")], "bonds")
    _path(drawing, [s for s in shapes if "fill:none" not in s.get("style", "")], "wedges")
    for element in letters:
        _letter(drawing, element)
    return Markup(ElementTree.tostring(drawing, encoding="unicode"))


def _path(drawing: Element, shapes: list[Element], name: str) -> None:
    if shapes:
        route = "".join(shape.get("d", "").replace(" L ", "L") for shape in shapes)
        route = route.replace("M ", "M").replace(" Z", "Z")
        ElementTree.SubElement(drawing, "path", {"class": name, "d": route})


def _letter(drawing: Element, element: Element) -> None:
    size = element.get("style", "").partition("font-size:")[2].partition("px")[0]
    place = {"x": element.get("x", "0"), "y": element.get("y", "0"), "font-size": size}
    ElementTree.SubElement(drawing, "text", place).text = element.text
