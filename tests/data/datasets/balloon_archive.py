"""A small stand-in for the official archive, and a server on this machine that hands it out."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Respond = Callable[[BaseHTTPRequestHandler], None]
SPLITS = ("train", "val")


def official_files(*, size_error: int = 0) -> dict[str, bytes]:
    """Archive name to content: two photos a split, with macOS' additions as in the real one."""
    files = {"__MACOSX/balloon/train/._via_region_data.json": b"\0\5\x16\7", "balloon/train/._a.jpg": b"\0"}
    for split in SPLITS:
        photos = {f"{name}.jpg": (name * (50 + len(split))).encode() for name in "ab"}
        entries = {name: {"filename": name, "size": len(data) + size_error} for name, data in photos.items()}
        files |= {f"balloon/{split}/{name}": data for name, data in photos.items()}
        files[f"balloon/{split}/via_region_data.json"] = json.dumps(entries).encode()
    return files


def via_hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    """The sha256 of each split's annotation file."""
    return {split: hashlib.sha256(files[f"balloon/{split}/via_region_data.json"]).hexdigest() for split in SPLITS}


def zipped(files: Mapping[str, bytes]) -> bytes:
    """The files as a ZIP archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def send(data: bytes, *, announced: int | None = None) -> Respond:
    """A response with ``data``, and maybe a false length."""

    def respond(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(data) if announced is None else announced))
        request.end_headers()
        request.wfile.write(data)

    return respond


def redirect(location: str) -> Respond:
    """A response that sends the client elsewhere."""

    def respond(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", location)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return respond


@contextlib.contextmanager
def serving(responses: Mapping[str, Respond]) -> Iterator[str]:
    """Serve ``responses`` by path, 404 for any other; yields the address of the server."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            respond = responses.get(self.path)
            if respond is None:
                self.send_error(404)
            else:
                respond(self)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
