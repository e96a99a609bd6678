"""Values of the options that ``splash`` and ``batch`` share, as what a splash takes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from balloon_splash.errors import UsageError

if TYPE_CHECKING:
    from balloon_splash.compositing.look import Look
    from balloon_splash.splasher.options import SplashOptions


def options_of(args: argparse.Namespace) -> SplashOptions:
    """Return the options of a splash that the arguments give.

    Raises:
        UsageError: options that contradict each other, or an unknown background.
        MediaError: the picture of ``--background`` or ``--strokes`` cannot be read.
    """
    from balloon_splash.splasher.from_table import selection_of, video_options_of
    from balloon_splash.splasher.options import SplashOptions
    from balloon_splash.splasher.photo_results import Files

    kind, _, ground = args.background.partition(":")
    also_read = [ground if kind == "image" else None, args.weights, args.strokes]
    return SplashOptions(
        look=_look(args),
        selection=selection_of(vars(args)),
        files=Files(
            mask=args.save_mask,
            instance_masks=args.save_masks,
            crops=args.save_crops,
            compare=args.compare,
            quality=args.quality,
        ),
        video=video_options_of(vars(args), batch_size=args.batch_size),
        recursive=args.recursive,
        batch_size=args.batch_size,
        allow_private_urls=args.allow_private_urls,
        tiles=args.tiles,
        add_boxes=tuple(tuple(box) for box in args.add_box),
        also_read=tuple(Path(name) for name in also_read if name),
    )


def _look(args: argparse.Namespace) -> Look:
    from balloon_splash.compositing.strokes import Strokes
    from balloon_splash.media.reading import read_picture
    from balloon_splash.splasher.from_table import look_of

    kind, _, path = args.background.partition(":")
    if kind == "image" and not path:
        raise UsageError(f"--background {args.background}: no picture named; expected image:FILE")
    background = read_picture(path).rgb if kind == "image" else args.background
    strokes = None
    if args.strokes is not None:
        painted = read_picture(args.strokes)
        strokes = Strokes.painted(painted.rgb8, painted.alpha8, name=f"--strokes {args.strokes}")
    look = look_of(vars(args), background, strokes)
    look.check()
    return look
