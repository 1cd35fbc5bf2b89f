"""`python -m tests.faults --kills 200 [--seed N]`: kill every command at random moments."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "support"))


def main() -> int:
    import torch

    from tests.faults.kills import campaign

    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kills = campaign(Path(folder), chosen.kills, chosen.seed)
    said = [f"{kills.done} kills, {len(kills.differences)} differences", *kills.differences]
    sys.stdout.write("\n  ".join(said) + "\n")
    return 1 if kills.differences else 0


if __name__ == "__main__":
    sys.exit(main())
