"""``python -m tests.fuzz --kind via --count 100000``: read many hostile files, and tell which ones do harm."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from tests.fuzz.campaign import Rules, Tally, run_campaign, summary, timed
from tests.fuzz.worker import FORMATS

FULL = {
    **{"via": 100_000, "via-guided": 100_000, "labelme": 20_000, "image": 20_000, "video": 8_000},
    **dict.fromkeys([*FORMATS, "voc", "png-masks"], 20_000),
}


def main() -> int:
    """Run one campaign; exit code 1 if it found anything."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--kind", choices=FULL, required=True, help="what kind of file")
    parser.add_argument("--count", type=int, help="how many (those of the full campaign)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same files (%(default)s)")
    parser.add_argument("--findings", type=Path, default=Path("fuzz_findings"), help="where findings go (%(default)s)")
    parser.add_argument("--seconds", type=float, default=Rules.seconds, help="the most a file may take (%(default)s)")
    args = parser.parse_args()
    count = FULL[args.kind] if args.count is None else args.count
    with tqdm(total=count, unit="file", desc=args.kind, mininterval=1.0) as bar:

        def progress(tally: Tally) -> None:
            bar.update(tally.cases - bar.n)
            bar.set_postfix(findings=sum(tally.findings.values()), refresh=False)

        rules = Rules(seconds=args.seconds)
        tally, seconds = timed(
            lambda: run_campaign(args.kind, count, args.seed, args.findings, rules=rules, progress=progress)
        )
    print(summary(args.kind, tally, seconds))
    return 1 if tally.findings else 0


if __name__ == "__main__":
    sys.exit(main())
