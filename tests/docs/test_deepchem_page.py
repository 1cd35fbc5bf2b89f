"""The examples of docs/deepchem.md run as they are printed."""

import re

import pytest
from paths import ROOT

pytest.importorskip("deepchem")
CODE = re.findall(
    r"^```python\n(.*?)^```", (ROOT / "docs" / "deepchem.md").read_text(), re.M | re.S
)


def test_the_examples_run(capsys):
    exec("\n".join(CODE), {})  # noqa: S102 - our own page
    assert "(6, 2, 2)" in capsys.readouterr().out
