"""These tests copy their process for every command, so it must be one without threads."""

import os

# A worker of xdist has threads, and a copy of it would wait for locks that they hold.
collect_ignore = ["test_faults.py"] if "PYTEST_XDIST_WORKER" in os.environ else []
