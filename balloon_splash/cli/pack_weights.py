"""Command line of ``tools/pack_weights.py``: a checkpoint as one small file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from balloon_splash.cli.common import EXIT_OK, run_cli, share
from balloon_splash.cli.parser import Parser
from balloon_splash.compositing import DEFAULT_CONFIDENCE
from balloon_splash.errors import UsageError
from balloon_splash.wording import counted

if TYPE_CHECKING:
    from balloon_splash.export.packing import Negatives

FALSE_ALARMS = 0.025

EXAMPLES = """\
examples:
  8 bits per weight, a quarter of the size:
    %(prog)s --weights output/balloon_R50_FPN/model_best.pth --output cups.safetensors
  computation in 8 bits as well, by ranges measured on photos:
    %(prog)s --weights model_final.pth --output cups.safetensors --calibration cups/train/*.jpg
  facts about the model, for the recipient of the file:
    %(prog)s --weights model_final.pth --output cups.safetensors --fact "mask AP=71.3" --fact "data=61 photos"
  the mean of a run and of a second one that started from it:
    %(prog)s --weights first/model_final.pth --average-with second/model_final.pth --output cups.safetensors
  fewer false alarms: the model finds something in at most one of 40 photos without cups:
    %(prog)s --weights model_final.pth --output cups.safetensors --negatives no_cups --false-alarms 0.025
  scores that are probabilities, by the predictions of a cross-validation of the same recipe:
    %(prog)s --weights model_final.pth --output cups.safetensors --calibrate-scores output/folds/out_of_fold.json
  a .pth for Detectron2 and for tools that load its models, with a YAML file beside it:
    %(prog)s --weights cups.safetensors --to pth --output cups_d2.pth
then:
    splash.py --input photo.jpg --weights cups.safetensors
"""


def build_parser() -> Parser:
    """The command line."""
    parser = Parser(
        "Pack the weights of a trained model, with class names, into one small file. A configuration of your own goes "
        "beside it.",
        EXAMPLES,
    )
    parser.add_argument(
        "--weights", required=True, metavar="W", help="weights to pack: a path, a URL, or a name (balloon, coco, last)"
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FILE", help="file to write, *.safetensors or *.pth"
    )
    parser.add_argument(
        "--to",
        choices=("safetensors", "pth"),
        default="safetensors",
        help="format: safetensors is small and runs without torch; pth, in 32 bits, is for Detectron2 and other tools "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--average-with",
        nargs="+",
        default=[],
        metavar="W",
        help="further weights of the same model, to pack the mean of all; those of the classifier that it started from "
        "count for the backbone alone (default: none)",
    )
    parser.add_argument(
        "--config-file",
        metavar="FILE",
        help="configuration: a path, or a name from configs/ or Detectron2's zoo (default: config.yaml beside the "
        "weights)",
    )
    _add_content(parser)
    _add_scores(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file (default: refuse)")
    return parser


def _add_content(parser: Parser) -> None:
    parser.add_argument(
        "--storage", choices=("int8", "fp16"), help="type of each large weight in a packed file (default: int8)"
    )
    parser.add_argument(
        "--calibration",
        nargs="+",
        default=[],
        metavar="PHOTO",
        help="photos on which to measure the ranges for 8-bit computation; 20 of the training photos are enough "
        "(default: none, and the model computes in floating point)",
    )
    parser.add_argument(
        "--fact",
        type=_fact,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="fact about the model to store in the file; may be repeated (default: none)",
    )


def _add_scores(parser: Parser) -> None:
    parser.add_argument(
        "--calibrate-scores",
        type=Path,
        metavar="FILE",
        help="out_of_fold.json of cross_validate.py, with predictions of the same recipe for photos that it left out: "
        "scores become shares of objects (default: none)",
    )
    parser.add_argument(
        "--negatives",
        type=Path,
        metavar="DIR",
        help="folder of pictures without objects, on which to lower the model's scores until --false-alarms holds "
        "(default: none)",
    )
    parser.add_argument(
        "--false-alarms",
        type=share,
        metavar="0-1",
        help=f"largest share of --negatives in which the model may find an object, from 0 to 1 (default: "
        f"{FALSE_ALARMS})",
    )
    parser.add_argument(
        "--confidence",
        type=share,
        metavar="0-1",
        help=f"lowest score of an object in --negatives, from 0 to 1 (default: {DEFAULT_CONFIDENCE})",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_cli(_run, build_parser(), argv)


def _run(args: argparse.Namespace) -> int:
    from balloon_splash.export.packing import pack_weights

    if args.to == "pth":
        return _unpack(args)
    packed = pack_weights(
        args.weights,
        args.output,
        average_with=args.average_with,
        config_file=args.config_file,
        storage=args.storage or "int8",
        calibration=args.calibration,
        card=dict(args.fact),
        out_of_fold=args.calibrate_scores,
        negatives=_negatives(args),
        overwrite=args.overwrite,
    )
    print(f"file           {packed.path}")
    print(f"size           {packed.n_bytes / 1e6:.1f} MB ({packed.n_bytes} bytes)")
    print(f"sha256         {packed.sha256}")
    print(f"configuration  {packed.config}")
    print(f"largest error  {packed.worst_error:.2%} of {packed.worst_tensor}, by its norm")
    print(f"runs           {'with torch only: ' + packed.hindrance if packed.hindrance else 'without torch'}")
    if packed.calibrated:
        change = packed.calibrated
        detections = counted(change.detections, "detection")
        print(
            f"scores         calibrated on {detections}: logit times {change.slope:.2f} plus "
            f"{change.intercept:.2f}, log loss {change.after:.3f} instead of {change.before:.3f}"
        )
    if packed.false_alarms:
        found = packed.false_alarms
        pictures = counted(found.pictures, "picture")
        print(
            f"false alarms   in {found.after} of {pictures} at {found.confidence:g}, in {found.before} "
            f"before: {found.shift:.2f} added to the background's logit"
        )
    return EXIT_OK


def _unpack(args: argparse.Namespace) -> int:
    from balloon_splash.export.packing import unpack_weights

    for name, value in {"--storage": args.storage, "--calibration": args.calibration, "--fact": args.fact}.items():
        if value:
            raise UsageError(f"{name} is for packed files; expected --to safetensors with it")
    imports = unpack_weights(
        args.weights,
        args.output,
        average_with=args.average_with,
        config_file=args.config_file,
        out_of_fold=args.calibrate_scores,
        negatives=_negatives(args),
        overwrite=args.overwrite,
    )
    print(f"file           {args.output}")
    print(f"configuration  {args.output.with_suffix('.yaml')}")
    print(f"runs           with Detectron2{', after import ' + ', '.join(imports) if imports else ' alone'}")
    return EXIT_OK


def _negatives(args: argparse.Namespace) -> Negatives | None:
    if args.negatives:
        from balloon_splash.export.packing import Negatives

        limit = FALSE_ALARMS if args.false_alarms is None else args.false_alarms
        return Negatives(args.negatives, limit, DEFAULT_CONFIDENCE if args.confidence is None else args.confidence)
    if args.false_alarms is not None or args.confidence is not None:
        raise UsageError("--false-alarms and --confidence without --negatives; expected --negatives DIR as well")
    return None


def _fact(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} found, expected NAME=VALUE")
    return name.strip(), value.strip()
