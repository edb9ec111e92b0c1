"""`minigrad explore`: the page on which operations are touched."""

from __future__ import annotations

import argparse
import signal
import threading
import webbrowser

from minigrad.cli.main import UsageError
from minigrad.explore.server import Server
from minigrad.explore.state import BadState, parse


def run(options: argparse.Namespace) -> int:
    """Serves the page until Ctrl-C."""
    state = options.state.lstrip("?")
    try:
        parse(state)
    except BadState as error:
        raise UsageError(str(error)) from None
    try:
        server = Server(options.port)
    except OSError as error:
        raise UsageError(f"--port {options.port}: {error.strerror}; --port 0 takes one that is free") from None
    url = server.url + (f"?{state}" if state else "")
    print(f"{url}\nCtrl-C ends it.", flush=True)
    if options.browser:
        # (Where the browser runs in the terminal, opening it ends when it does.)
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM):      # a shell lets what it starts in the background ignore Ctrl-C
        signal.signal(number, signal.default_int_handler)
    with server:
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            print()
    return 0
