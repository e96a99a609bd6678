"""Options of a command that choose a model."""

from __future__ import annotations

import argparse
from typing import Any

from balloon_splash.cli.parser import Parser, add_device, add_opts
from balloon_splash.cli.table import several_numbers
from balloon_splash.option_table import POSITIVE


def add_trained_model(group: argparse._ActionsContainer) -> None:
    """Add the pair of weights and configuration; the command lists the names at the end of its help."""
    group.add_argument(
        "--weights",
        metavar="W",
        help="model: a file, a folder, a URL, or a name from the list below (default: balloon)",
    )
    group.add_argument(
        "--config-file",
        metavar="FILE",
        help="configuration: a path, or a name from configs/ or Detectron2's zoo (default: the one beside the weights)",
    )


def add_model(parser: Parser, **device: str) -> argparse._ArgumentGroup:
    """Add the options of :func:`model_of` under a title of their own; ``device`` is that of :func:`add_device`."""
    group = parser.add_argument_group("model")
    add_trained_model(group)
    add_device(group, **device)
    group.add_argument(
        "--backend",
        choices=("auto", "torch", "openvino"),
        default="auto",
        help="engine that runs the model; auto takes the fastest available (default: %(default)s)",
    )
    group.add_argument(
        "--precision",
        choices=("auto", "fp32", "bf16", "int8"),
        default="auto",
        help="precision of the model, from exact to fast; auto takes int8 where OpenVINO runs a model packed with its "
        "ranges, else bf16 where the device has it, else fp32 (default: %(default)s)",
    )
    group.add_argument(
        "--calibration",
        nargs="+",
        default=[],
        metavar="PHOTO",
        help="photos on which to measure the ranges for int8 (default: the training photos)",
    )
    group.add_argument(
        "--scales",
        **several_numbers(POSITIVE),
        default=[],
        metavar="PX",
        help="short edges, in pixels, at which the model sees each picture, such as 480 800; each costs one run of "
        "the model (default: the configuration's, and its overview for large objects)",
    )
    add_opts(group)
    return group


def model_of(args: argparse.Namespace, floor: float) -> dict[str, Any]:
    """Return keyword arguments of ``load_finder`` for a model without objects below the score ``floor``."""
    return {
        "config_file": args.config_file,
        "weights": args.weights,
        "device": args.device,
        "confidence": floor,
        "backend": args.backend,
        "precision": args.precision,
        "calibration": args.calibration,
        "scales": args.scales,
        "opts": args.opts,
    }
