"""The documentation site builds, with its notebooks run, and loads nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from paths import ROOT


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    pages = "".join(path.read_text() for path in tmp_path.rglob("*.html"))
    loaded = re.findall(r"""<(?:script|link|img)[^>]+(?:src|href)=["'](https?://[^"']+)""", pages)
    assert loaded == []
    assert "ProtoNet" in (tmp_path / "explanation" / "meta-learning.html").read_text()
    assert (tmp_path / "search" / "search_index.js").exists()
