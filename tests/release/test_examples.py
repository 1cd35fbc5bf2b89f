"""The examples in the help of each command run, on the files of `molmeta demo`."""

import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from molmeta import cli

pytestmark = pytest.mark.slow

ORDER = ("inspect", "curate", "featurize", "audit", "train", "evaluate", "report")
"""Commands that write what later examples read, in this order."""
ELSEWHERE = {"compare": "--published"}
"""Options of the examples that read files of the user."""


def examples(name):
    """Return the examples of a command as its help shows them, for a shell."""
    shown = CliRunner().invoke(cli.build(), [name, "--help"], prog_name="molmeta").stdout
    return re.findall(r"^  Example:\n((?:    .*\n)+)", shown, flags=re.MULTILINE)


COMMANDS = {command.name for command in cli.build().registered_commands}
OTHERS = sorted(COMMANDS - {*ORDER, "demo"})
EXAMPLES = [
    text
    for name in (*ORDER, *OTHERS)
    for text in examples(name)
    if ELSEWHERE.get(name, "no such option") not in text
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "molmeta-demo"
    done = run(f"molmeta demo {folder}", folder.parent)
    assert done.returncode == 0, done.stderr
    return folder


def run(text, folder):
    """Run a line of a shell, in which `molmeta` is this copy of the package."""
    script = f'set -e; molmeta() {{ "{sys.executable}" -m molmeta "$@"; }}; {text}'
    return subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_an_example(name):
    assert examples(name)


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: " ".join(text.split()[:5]))
def test_the_example_runs(text, folder):
    done = run(text, folder)
    assert done.returncode == 0, done.stderr
    for output in re.findall(r"--(?:output|report) (\S+)", text):
        assert (folder / output).exists()
