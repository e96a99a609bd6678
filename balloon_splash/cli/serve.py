"""``serve``: an HTTP service, and a page to click on, for photos and videos."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Sequence
from typing import Any

from balloon_splash.cli.common import EXIT_OK, number, run_cli
from balloon_splash.cli.model_options import add_model, model_of
from balloon_splash.cli.parser import Parser
from balloon_splash.cli.table import read_as
from balloon_splash.errors import UsageError
from balloon_splash.option_table import POSITIVE
from balloon_splash.weights.names import names_help

TOKEN_VARIABLE = "BALLOON_SPLASH_TOKEN"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
MIB = 2**20

EXAMPLES = f"""\
examples:
  %(prog)s                                    then open http://127.0.0.1:8000/
  %(prog)s --host 0.0.0.0 --token new         for the local network; prints an address with a token in it
  {TOKEN_VARIABLE}=secret %(prog)s --host ::   the token from the environment, which other users cannot read
  %(prog)s --root-path /splash --allow-host photos.example   behind a proxy, below a prefix

exit code: 0 ended by Ctrl-C or SIGTERM, 2 wrong use
"""


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:6]) < 65536):
        raise argparse.ArgumentTypeError(f"{text} found, expected a port from 0 to 65535")
    return int(text)


def _seconds(text: str) -> float:
    value = number(text)
    if not 0 < value <= 10**7:
        raise argparse.ArgumentTypeError(f"{text} found, expected seconds, more than 0")
    return value


_WHOLE: dict[str, Any] = {"type": read_as(POSITIVE), "metavar": "N"}
_DURATION: dict[str, Any] = {"type": _seconds, "metavar": "S"}


def build_parser() -> Parser:
    """Return the command line."""
    parser = Parser(
        "Serve a page where a click keeps or drops an object, and the HTTP interface behind it.",
        f"{names_help(training=False)}\n{EXAMPLES}",
    )
    _add_doors(parser)
    _add_request_bounds(parser)
    _add_video_bounds(parser)
    add_model(parser)
    _add_messages(parser)
    return parser


def _add_doors(parser: Parser) -> None:
    group = parser.add_argument_group("address and access")
    group.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; any other than this machine's own requires --token (default: %(default)s)",
    )
    group.add_argument("--port", type=_port, default=8000, help="port to listen on, 0 for a free one (default: 8000)")
    access = group.add_mutually_exclusive_group()
    access.add_argument(
        "--token",
        metavar="TOKEN",
        help="secret that every request must carry; new makes a random one (default: the environment variable "
        f"{TOKEN_VARIABLE}, or none)",
    )
    access.add_argument(
        "--without-token",
        action="store_true",
        help="serve everyone who reaches --host, without a token (default: refuse)",
    )
    group.add_argument(
        "--allow-host",
        nargs="+",
        default=[],
        metavar="NAME",
        help="further host names under which requests may reach the server, such as a proxy's (default: this machine's "
        "own; any with a token)",
    )
    group.add_argument(
        "--allow-origin",
        nargs="+",
        default=[],
        metavar="ORIGIN",
        help="other sites whose pages may send requests, such as https://photos.example (default: none)",
    )
    group.add_argument(
        "--root-path", default="", metavar="/PREFIX", help="prefix of all addresses behind a proxy (default: none)"
    )
    group.add_argument(
        "--allow-urls", action="store_true", help="accept public https addresses in place of photos (default: refuse)"
    )


def _add_request_bounds(parser: Parser) -> None:
    group = parser.add_argument_group("bounds on requests and photos")
    group.add_argument(
        "--workers", default=1, help="number of processes, each with a model (default: %(default)s)", **_WHOLE
    )
    group.add_argument(
        "--threads",
        default=4,
        help="largest number of requests that a process handles at once (default: %(default)s)",
        **_WHOLE,
    )
    group.add_argument(
        "--queue",
        default=32,
        help="largest number of requests that wait in a process; further ones get status 429 (default: %(default)s)",
        **_WHOLE,
    )
    group.add_argument(
        "--seconds", default=60.0, help="time limit for one request, in seconds (default: 60)", **_DURATION
    )
    group.add_argument("--max-photo", default=64, help="largest photo file, in MiB (default: %(default)s)", **_WHOLE)
    group.add_argument("--max-pixels", default=50, help="largest photo, in megapixels (default: %(default)s)", **_WHOLE)
    group.add_argument(
        "--max-memory",
        help="memory beyond which a process is replaced, in MiB; requires --workers 2 or more (default: no limit)",
        **_WHOLE,
    )


def _add_video_bounds(parser: Parser) -> None:
    group = parser.add_argument_group("bounds on videos")
    group.add_argument("--max-video", default=2048, help="largest video file, in MiB (default: %(default)s)", **_WHOLE)
    group.add_argument(
        "--video-seconds",
        default=3600.0,
        help="time limit for making one video, in seconds (default: 3600)",
        **_DURATION,
    )
    group.add_argument(
        "--video-queue",
        default=8,
        help="largest number of videos that wait in a process (default: %(default)s)",
        **_WHOLE,
    )
    group.add_argument(
        "--video-disk",
        default=8192,
        help="largest disk space for all videos and results, in MiB (default: %(default)s)",
        **_WHOLE,
    )
    group.add_argument(
        "--keep",
        default=3600.0,
        help="time after which an unchanged video is removed, in seconds (default: 3600)",
        **_DURATION,
    )
    group.add_argument(
        "--folder", metavar="DIR", help="folder for videos (default: a temporary one, removed at the end)"
    )


def _add_messages(parser: Parser) -> None:
    group = parser.add_argument_group("messages")
    volume = group.add_mutually_exclusive_group()
    volume.add_argument("--quiet", action="store_true", help="log warnings and errors only (default: also the start)")
    volume.add_argument("-v", "--verbose", action="store_true", help="also log every request (default: off)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_cli(_run, build_parser(), argv)


def _run(args: argparse.Namespace) -> int:
    token = _token(args)
    _check(args, token)
    from balloon_splash.serve.server import Address, serve
    from balloon_splash.serve.settings import Settings
    from balloon_splash.splasher.options import RECORD_FLOOR

    settings = Settings(
        token=token,
        root_path=args.root_path.rstrip("/"),
        hosts=() if token or args.without_token else (*LOOPBACK, *(name.lower() for name in args.allow_host)),
        origins=tuple(args.allow_origin),
        photo_bytes=args.max_photo * MIB,
        photo_pixels=args.max_pixels * 10**6,
        video_bytes=args.max_video * MIB,
        threads=args.threads,
        waiting=args.queue,
        seconds=args.seconds,
        video_seconds=args.video_seconds,
        videos_waiting=args.video_queue,
        videos_bytes=args.video_disk * MIB,
        keep_seconds=args.keep,
        folder=args.folder or "",
        urls=args.allow_urls,
        memory_bytes=args.max_memory * MIB if args.max_memory else None,
    )
    address = Address(args.host, args.port, args.workers, args.verbose, args.quiet)
    if token and not args.quiet and args.port:
        print(f"with the token: http://{_in_url(args.host)}:{args.port}{settings.root_path}/#token={token}")
        sys.stdout.flush()
    serve(settings, model_of(args, RECORD_FLOOR), address)
    return EXIT_OK


def _token(args: argparse.Namespace) -> str | None:
    given: str | None = args.token or (None if args.without_token else os.environ.get(TOKEN_VARIABLE) or None)
    return secrets.token_urlsafe(24) if given == "new" else given


def _check(args: argparse.Namespace, token: str | None) -> None:
    if args.host not in LOOPBACK and token is None and not args.without_token:
        raise UsageError(
            f"--host {args.host} without a token: anybody who reaches it could use it; expected --token, or "
            "--without-token if that is wanted"
        )
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        raise UsageError("--token holds spaces or letters beyond ASCII; expected one word")
    if args.root_path and not args.root_path.startswith("/"):
        raise UsageError(f"--root-path {args.root_path}; expected a path that begins with /")
    if args.max_memory and args.workers < 2:
        raise UsageError(f"--max-memory {args.max_memory} without others to take over; expected --workers 2 or more")


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
