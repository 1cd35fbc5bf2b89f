#!/bin/sh
# Snakemake runs this in a new environment of the rules (--sdm conda): the commands are those of molmeta
# itself, which the channels of environment.yml do not have.
set -e
if [ ! -d molmeta ] || [ ! -f pyproject.toml ]; then
    echo "environment.post-deploy.sh: is not in the folder of molmeta; got $PWD, expected the folder with" \
        "pyproject.toml. Run snakemake --sdm conda --conda-create-envs-only there once." >&2
    exit 1
fi
python -m pip install --no-deps --editable .
