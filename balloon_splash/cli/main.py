"""``balloon-splash COMMAND ...``: the tools by one name, for where there is no checkout."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Sequence

from balloon_splash import __version__

COMMANDS = {
    "splash": "keep colour on the objects of photos and videos",
    "train": "train or evaluate a model",
    "prepare": "fetch the balloon dataset, or draw one",
    "convert-annotations": "annotations of one tool for another: VIA, COCO, LabelMe, YOLO, CVAT and others",
    "inspect-data": "a report on a dataset: faults, sizes, whether the anchors fit",
    "inspect-model": "a report on a model: every stage of it on a photo, and how good it is",
    "pack-weights": "a trained model as one small file",
    "convert-matterport": "weights of matterport's Mask R-CNN (.h5) for every command here",
    "cross-validate": "train on several splits or seeds, and tell mean and spread",
    "export": "a model for other programs: TorchScript, ONNX, OpenVINO",
    "demo": "splash pictures with the model that ships, or train a small one first",
    "doctor": "print versions and device, and what is missing",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Hand the rest of the arguments to the command that the first one names; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["--version"]:
        print(f"balloon-splash {__version__}")
        return 0
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: balloon-splash COMMAND ...\n\ncommands:")
        for name, purpose in COMMANDS.items():
            print(f"  {name:<20}{purpose}")
        print("\nballoon-splash COMMAND --help lists the options of a command; balloon-splash --version, the version")
        return 0 if arguments else 2
    name = arguments.pop(0)
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        expected = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(COMMANDS)}"
        print(f"error: unknown command {name}; {expected}", file=sys.stderr)
        return 2
    sys.argv[0] = f"balloon-splash {name}"  # what argparse calls the program in its help
    return importlib.import_module(f"balloon_splash.cli.{name.replace('-', '_')}").main(arguments)
