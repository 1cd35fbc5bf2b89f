"""These tests take minutes each; `.ci/run` runs them in a step of their own."""

import os

collect_ignore_glob = ["test_*.py"] if "PYTEST_XDIST_WORKER" in os.environ else []
