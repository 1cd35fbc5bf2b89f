"""These tests start a cluster; `.ci/run` runs them in a step of their own."""

import os

collect_ignore = ["test_cluster.py"] if "PYTEST_XDIST_WORKER" in os.environ else []
