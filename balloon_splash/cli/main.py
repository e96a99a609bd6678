"""Command line of ``balloon-splash COMMAND ...``: all tools under one name, without a checkout."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from balloon_splash import __version__
from balloon_splash.cli.common import EXIT_USAGE, print_out

COMMANDS = {
    "splash": "keep the colour of objects in photos and videos, grey elsewhere",
    "batch": "splash photos and videos on a Ray cluster",
    "serve": "serve a page where a click picks objects, and its HTTP interface",
    "train": "train or evaluate a model",
    "prepare": "download the balloon dataset, or render one",
    "convert-annotations": "convert annotations from one format to another: VIA, COCO, LabelMe, YOLO, CVAT and more",
    "inspect-data": "report on a dataset: faults, sizes, fit of the anchors",
    "inspect-model": "report on a model: every stage on a photo, or accuracy on a dataset",
    "pack-weights": "pack a trained model into one small file",
    "convert-matterport": "convert weights of matterport's Mask R-CNN (.h5) for every command here",
    "cross-validate": "train on several splits or seeds, and report the mean and spread of AP",
    "export": "export a model for other programs: TorchScript, ONNX, OpenVINO",
    "demo": "splash pictures with the model that ships, or train a small one first",
    "doctor": "report versions, device and missing parts",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the first argument names with the rest; return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["--version"]:
        return print_out(f"balloon-splash {__version__}")
    if not arguments or arguments[0] in ("-h", "--help"):
        code = print_out(_usage())
        return code if arguments else EXIT_USAGE
    name = arguments.pop(0)
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        expected = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(COMMANDS)}"
        if Path(name).exists():
            expected = f"did you mean balloon-splash splash --input {name}?"
        print(f"error: unknown command {name}; {expected}", file=sys.stderr)
        return EXIT_USAGE
    sys.argv[0] = f"balloon-splash {name}"  # the name of the program in argparse's help
    return importlib.import_module(f"balloon_splash.cli.{name.replace('-', '_')}").main(arguments)


def _usage() -> str:
    commands = "\n".join(f"  {name:<20}{purpose}" for name, purpose in COMMANDS.items())
    return (
        f"usage: balloon-splash COMMAND ...\n\ncommands:\n{commands}\n\n"
        "balloon-splash COMMAND --help lists the options of a command. balloon-splash --version prints the version."
    )


if __name__ == "__main__":
    sys.exit(main())
