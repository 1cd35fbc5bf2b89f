"""`python -m tests.fuzz --minutes 60 [--seed N] [--kind smiles]`: look for inputs that stop a run.

Failing inputs are shrunk and written to tests/fuzz/found/, where the tests replay them.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import cycle, islice
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path += [str(ROOT / "tests" / "support")]
BATCH = 50


def main() -> int:
    from tests.fuzz.campaign import campaign
    from tests.fuzz.targets import KINDS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--kind", choices=KINDS, action="append")
    chosen = parser.parse_args()
    tally = campaign(
        _until(time.monotonic() + 60 * chosen.minutes, chosen.seed, chosen.kind or KINDS)
    )
    return _report(tally, chosen.seed)


def _until(end: float, seed: int, kinds):
    """Take the kinds in turn until the time is over."""
    from tests.fuzz.campaign import generated

    for stream in cycle([generated(kind, seed) for kind in kinds]):
        for case in islice(stream, BATCH):
            if time.monotonic() > end:
                return
            yield case


def _report(tally, seed: int) -> int:
    _say(f"seed {seed}, {sum(tally.outcomes.values())} inputs, {tally.megabytes:.0f} MB at most")
    for (kind, outcome), n in sorted(tally.outcomes.items()):
        _say(f"  {kind:8} {outcome:24} {n}")
    for outcome, case in tally.failures.items():
        path = Path(__file__).with_name("found") / f"{case.name}.json"
        path.write_text(case.text())
        _say(f"  {path.name}: {outcome}")
    return 1 if tally.failures else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
