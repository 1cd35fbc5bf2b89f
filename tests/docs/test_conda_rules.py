"""What `--sdm conda` needs; conda itself is not run here."""

import subprocess

from paths import ROOT

SCRIPT = ROOT / "environment.post-deploy.sh"


def test_the_environment_of_every_rule_gets_molmeta_itself():
    for path in (ROOT / "workflow" / "rules").glob("*.smk"):
        text = path.read_text()
        environments = text.count('conda:\n        "../../environment.yml"\n')
        assert environments == text.count("shell:\n")
    # Snakemake runs the script of this name in the environment, from its own working folder.
    assert "pip install --no-deps --editable ." in SCRIPT.read_text()


def test_the_script_says_where_it_has_to_run(tmp_path):
    done = subprocess.run(["sh", SCRIPT], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "expected the folder with pyproject.toml" in done.stderr
