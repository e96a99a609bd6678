"""List the benchmarks, or run some of them: ``python -m benchmarks [NAME ...] [OPTIONS OF THE BENCHMARK]``."""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import platform
import sys

import benchmarks


def main() -> None:
    """Run the named benchmarks, or list all."""
    names = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if not module.name.startswith("_")]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=benchmarks.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks to run (default: list all)")
    ours, options = _split(sys.argv[1:])
    chosen = parser.parse_args(ours).names
    unknown = sorted(set(chosen) - set(names))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; expected some of {', '.join(names)}")
    if options and len(chosen) > 1:
        parser.error(f"{options[0]}: options are for one benchmark; found {', '.join(chosen)}")
    if chosen:
        load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}{load}")
    for name in chosen or names:
        module = importlib.import_module(f"benchmarks.{name}")
        if not chosen:
            print(f"{name:20}{(module.__doc__ or '').splitlines()[0]}")
            continue
        print(f"\n== {name}", flush=True)
        sys.argv = [name, *options]
        module.main()


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Split names of benchmarks from the options behind them, which are for the benchmark."""
    count = next((number for number, each in enumerate(arguments) if each.startswith("-")), len(arguments))
    return (arguments[:count], arguments[count:]) if count else (arguments, [])


if __name__ == "__main__":
    main()
