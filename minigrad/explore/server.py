"""The server of the page: of this machine, for this machine.

It listens on the loopback address alone and answers GET and HEAD for a fixed set of paths, all of them read when it
starts: no path of a request ever reaches the file system.  Other sites cannot make a browser use it: a request has to
name this host (so a foreign name that resolves to this address is refused), and answers are for this page's own scripts
only.  What a request may ask for is checked by `state`; the engine is asked by one request at a time.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from minigrad.draw.svg import PALETTE
from minigrad.explore import answers
from minigrad.explore.state import BadState, parse

HOST = "127.0.0.1"
NAMES = ("localhost", HOST, "[::1]")
LINE, HEADERS = 2_048, 16_384       # bytes of a request's first line, and of all its headers
PATIENCE = 10                       # seconds for a request to arrive

TYPES = {"html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml",
         "js": "text/javascript; charset=utf-8", "json": "application/json; charset=utf-8"}
SCRIPTS = ("main.js", "address.js", "boards.js", "controls.js", "loop.js", "matrix.js", "player.js", "shapes.js",
           "stack.js")
SAFE = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                               "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
ANSWERS: dict[str, Callable[[str], Any]] = {
    "/api/window": lambda query: answers.window(parse(query)),
    "/api/loop": lambda query: answers.loop(parse(query)),
    "/api/stack": lambda query: answers.layers(parse(query)),
    "/api/operations": lambda query: answers.operations(),
}
ENGINE = threading.Lock()


def palette() -> str:
    """The colours of the drawings as custom properties, light and dark."""
    light, dark = ("".join(f"--{name}:{both[side]};" for name, both in PALETTE.items()) for side in (0, 1))
    return f":root{{color-scheme:light dark;{light}}}\n@media(prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def pages() -> dict[str, tuple[str, bytes]]:
    """(type, content) of each path that is always the same."""
    folder = files("minigrad.explore") / "page"
    found = {"/": (TYPES["html"], (folder / "index.html").read_bytes()),
             "/style.css": (TYPES["css"], palette().encode() + (folder / "style.css").read_bytes()),
             "/icon.svg": (TYPES["svg"], (folder / "icon.svg").read_bytes())}
    return found | {f"/{name}": (TYPES["js"], (folder / name).read_bytes()) for name in SCRIPTS}


@lru_cache(maxsize=64)
def answered(path: str, query: str) -> bytes:
    """The answer to a question as JSON; BadState for a query that is none."""
    with ENGINE:
        return json.dumps(ANSWERS[path](query), ensure_ascii=False, separators=(",", ":")).encode()


class Server(ThreadingHTTPServer):
    """A server of the page on the loopback address; port 0 takes one that is free.  OSError where it is taken."""

    daemon_threads = True
    # A port that was just given back may be taken at once.  (Elsewhere this would take one that is in use.)
    allow_reuse_address = os.name == "posix"

    def __init__(self, port: int = 0) -> None:
        self.pages = pages()
        super().__init__((HOST, port), Handler)

    @property
    def url(self) -> str:
        """The address to open."""
        return f"http://{HOST}:{self.server_address[1]}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a browser that has gone is no fault of ours, and `Handler` answers all others."""


class Handler(BaseHTTPRequestHandler):
    """One request, one answer."""

    server: Server
    timeout = PATIENCE
    default_request_version = "HTTP/1.0"        # of lines that name none: they get a status and headers too

    def do_GET(self) -> None:
        """The page, its parts, or an answer."""
        try:
            parts = urlsplit(self.path)
        except ValueError:
            self.refuse(HTTPStatus.BAD_REQUEST, f"address: got {self.path[:80]!r}, expected a path and a query")
            return
        if not self.allowed(parts.path):
            return
        if parts.path in self.server.pages:
            self.give(HTTPStatus.OK, *self.server.pages[parts.path])
        elif parts.path not in ANSWERS:
            self.refuse(HTTPStatus.NOT_FOUND, f"path: got {parts.path[:80]!r}, expected / or one of "
                        f"{', '.join(ANSWERS)}")
        else:
            try:
                self.give(HTTPStatus.OK, TYPES["json"], answered(parts.path, parts.query))
            except BadState as error:
                self.refuse(HTTPStatus.BAD_REQUEST, str(error), error.parameter)

    do_HEAD = do_GET

    def allowed(self, path: str) -> bool:
        """Whether the request comes from here; if not, it has been refused."""
        port = self.server.server_address[1]
        hosts = {f"{name}:{port}" for name in NAMES} | (set(NAMES) if port == 80 else set())
        hosts_named = self.headers.get_all("Host") or []
        site, origin = self.headers.get("Sec-Fetch-Site"), self.headers.get("Origin")
        length = self.headers.get("Content-Length", "0")
        # A link that leads here from elsewhere may be followed: it shows the page, and tells the other site nothing.
        followed = self.headers.get("Sec-Fetch-Mode") == "navigate" and path == "/"
        if len(self.requestline) > LINE:
            self.refuse(HTTPStatus.REQUEST_URI_TOO_LONG, f"address: got {len(self.requestline)} bytes, expected "
                        f"at most {LINE}")
        elif sum(len(name) + len(value) for name, value in self.headers.items()) > HEADERS:
            self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"headers: expected at most {HEADERS} bytes")
        elif len(hosts_named) != 1 or hosts_named[0].lower() not in hosts:
            self.refuse(HTTPStatus.MISDIRECTED_REQUEST, f"Host: got {', '.join(hosts_named)[:80]!r}, expected "
                        f"{HOST}:{port} or localhost:{port}")
        elif not followed and (site not in (None, "same-origin", "none")
                               or (origin is not None and origin not in {f"http://{host}" for host in hosts})):
            self.refuse(HTTPStatus.FORBIDDEN, "another site asked for this; only this page may")
        elif length != "0" or self.headers.get("Transfer-Encoding") is not None:
            self.refuse(HTTPStatus.BAD_REQUEST, "body: expected none")
        else:
            return True
        return False

    def give(self, status: HTTPStatus, kind: str, content: bytes, **more: str) -> None:
        """An answer, of HEAD without its content."""
        self.send_response(status)
        for name, value in (SAFE | {"Content-Type": kind, "Content-Length": str(len(content))} | more).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def refuse(self, status: HTTPStatus, message: str, parameter: str | None = None, **more: str) -> None:
        """What is wrong, as JSON; `parameter` names what is to blame."""
        said = {"error": message} | ({} if parameter is None else {"parameter": parameter})
        self.give(status, TYPES["json"], json.dumps(said, ensure_ascii=False).encode(), **more)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the base class refuses: malformed requests, and methods that are none of ours."""
        status = HTTPStatus(code)
        if status == HTTPStatus.NOT_IMPLEMENTED and re.fullmatch("[A-Z]{1,16}", self.command or ""):
            self.refuse(HTTPStatus.METHOD_NOT_ALLOWED, f"method: got {self.command}, expected GET or HEAD",
                        Allow="GET, HEAD")
        else:
            self.refuse(status, message or status.phrase)

    def version_string(self) -> str:
        """The name of the server; what it runs on is nobody's business."""
        return "minigrad"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal is the user's."""

