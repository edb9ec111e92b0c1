"""The server answers its own page and nobody else; whatever is wrong gets a clear 4xx."""

import http.client
import json
import re
import signal
import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from test_cli import COMMAND, ENVIRONMENT, call, refused

import minigrad.explore
from minigrad.explore import answers, server as served
from minigrad.explore.server import SCRIPTS, Server
from minigrad.explore.state import parse

PAGE = Path(minigrad.explore.__file__).parent / "page"


@pytest.fixture(scope="module")
def server():
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def ask(server, path, method="GET", **headers):
    """(status, headers, text); a header's _ stands for -."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    try:
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def raw(server, text):
    """The first line of the answer to some bytes."""
    with socket.create_connection(server.server_address[:2], timeout=10) as connection:
        connection.sendall(text)
        return connection.makefile("rb").readline().decode().strip()


def test_the_page_and_its_parts_are_served(server):
    for path, kind in {"/": "text/html", "/style.css": "text/css", "/icon.svg": "image/svg+xml",
                       **{f"/{name}": "text/javascript" for name in SCRIPTS}}.items():
        status, headers, text = ask(server, path)
        assert status == 200 and headers["Content-Type"].startswith(kind)
        assert int(headers["Content-Length"]) == len(text.encode())
    assert "--accent:#0969da" in ask(server, "/style.css")[2] and "--accent:#58a6ff" in ask(server, "/style.css")[2]
    assert {path.name for path in PAGE.glob("*.js")} == set(SCRIPTS)


def test_nothing_of_the_page_is_fetched_from_elsewhere():
    for path in PAGE.iterdir():
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(?<!www\.w3\.org)//(?!www\.w3\.org)[a-z0-9.-]+\.[a-z]{2,}", text), path
        assert not re.search(r"\son\w+=|style=|<script>|eval\(", text) or path.suffix == ".js", path


def test_answers_are_those_of_the_functions(server):
    for query in ("", "s=2&p=1", "op=transposed&view=scatter"):
        for path, function in (("window", answers.window), ("loop", answers.loop), ("stack", answers.layers)):
            status, headers, text = ask(server, f"/api/{path}?{query}")
            assert status == 200 and headers["Content-Type"].startswith("application/json")
            assert json.loads(text) == json.loads(json.dumps(function(parse(query))))
    assert json.loads(ask(server, "/api/operations")[2])["operations"][0]["name"] == "conv"


def test_safe_headers_stand_on_every_answer(server):
    for path in ("/", "/api/window", "/nothing", "/api/window?k=x"):
        headers = ask(server, path)[1]
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Cache-Control"] == "no-store"
        assert headers["Server"] == "minigrad" and "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("path", ["/nothing", "/../state.py", "/..%2fstate.py", "/page/main.js", "//etc/passwd",
                                  "/main.js/", "/api/", "/%2e%2e/", "/style.css%00", "/index.html"])
def test_no_path_reaches_the_file_system(server, path):
    status, _, text = ask(server, path)
    assert status == 404 and json.loads(text)["error"].startswith("path: got ")


@pytest.mark.parametrize("query", ["k=0", "k=3&k=3", "i=%D9%A3", "i=NaN", "zzz=1", "i=" + "9" * 300, "%ff=1", "a",
                                   "&".join(f"x{j}=0" for j in range(30)), "layers=3_x"])
def test_a_query_that_is_no_state_is_a_400_that_names_the_parameter(server, query):
    for path in ("window", "loop", "stack"):
        status, _, text = ask(server, f"/api/{path}?{query}")
        found = json.loads(text)
        assert status == 400 and found["error"].startswith(f"{found['parameter']}: got ")


def test_only_get_and_head(server):
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "BREW"):
        status, headers, text = ask(server, "/", method)
        assert status == 405 and headers["Allow"] == "GET, HEAD" and method in json.loads(text)["error"]
    status, headers, text = ask(server, "/api/window", "HEAD")
    assert status == 200 and int(headers["Content-Length"]) > 1000 and text == ""
    assert ask(server, "/api/window?k=0", "HEAD")[::2] == (400, "")


def test_a_foreign_host_is_refused(server):
    port = server.server_address[1]
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}", f"LOCALHOST:{port}"):
        assert ask(server, "/api/window", Host=host)[0] == 200
    for host in ("example.com", f"example.com:{port}", "localhost", f"localhost:{port + 1}",
                 f"localhost.example:{port}", f"127.0.0.1:{port}.example", "", f"localhost:{port}, example.com"):
        status, _, text = ask(server, "/", Host=host)
        assert status == 421 and json.loads(text)["error"].startswith("Host: got ")
    assert raw(server, b"GET / HTTP/1.1\r\n\r\n").split()[1] == "421"
    twice = f"GET / HTTP/1.1\r\nHost: localhost:{port}\r\nHost: localhost:{port}\r\n\r\n"
    assert raw(server, twice.encode()).split()[1] == "421"


def test_other_sites_get_nothing_but_a_link_may_be_followed(server):
    own = f"http://127.0.0.1:{server.server_address[1]}"
    for headers in ({"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}, {"Origin": "http://a.example"},
                    {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}):
        assert ask(server, "/api/window", **headers)[0] == 403
    assert ask(server, "/api/window", Origin=own, Sec_Fetch_Site="same-origin")[0] == 200
    assert ask(server, "/?k=2", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")[0] == 200
    assert ask(server, "/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")[0] == 403


def test_long_and_broken_requests_are_refused(server):
    host = f"Host: localhost:{server.server_address[1]}\r\n".encode()
    for text, status in (
            (b"GET /?" + b"a" * 3000 + b" HTTP/1.1\r\n" + host + b"\r\n", "414"),
            (b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n" + host + b"\r\n", "414"),
            (b"GET / HTTP/1.1\r\n" + host + b"X: " + b"a" * 20000 + b"\r\n\r\n", "431"),
            (b"GET / HTTP/1.1\r\n" + host + b"X: a\r\n" * 200 + b"\r\n", "431"),
            (b"GET / HTTP/1.1\r\n" + host + b"Content-Length: 5\r\n\r\nhello", "400"),
            (b"GET / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
            (b"GET / HTTP/9.9\r\n" + host + b"\r\n", "505"),
            (b"GET http://localhost/ HTTP/1.1\r\n" + host + b"\r\n", "200"),
            (b"GET http://[ HTTP/1.1\r\n" + host + b"\r\n", "400"),
            (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "400"), (b"nonsense\r\n\r\n", "400")):
        assert raw(server, text).split()[1:2] == [status], text[:60]


def test_who_sends_nothing_is_let_go(server, monkeypatch):
    monkeypatch.setattr(served.Handler, "timeout", 0.2)
    with socket.create_connection(server.server_address[:2], timeout=10) as connection:
        connection.sendall(b"GET / HT")
        assert connection.recv(100) == b""          # let go, before this end gives up


def test_many_at_once_get_the_same_answers(server):
    paths = [f"/api/{path}?op={op}&axes={axes}" for path in ("window", "loop") for axes in (1, 2)
             for op in ("conv", "transposed", "max-pool", "upsample")] * 2
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda path: ask(server, path), paths))
    assert all(status == 200 for status, _, _ in found)
    half = len(paths) // 2
    assert [text for _, _, text in found[:half]] == [text for _, _, text in found[half:]]


@pytest.mark.parametrize("query", ["i=16&k=6", "op=transposed&view=scatter&i=16&k=4&s=2&a=1", "axes=1&i=32&k=5&c=4&f=4",
                                   "op=transposed&view=matrix&i=8&k=4&p=1", "op=upsample&i=16"])
def test_the_largest_answers_are_bounded(query):
    """(How long they take is measured by benchmarks/test_explore.py.)"""
    state = parse(query)
    assert len(json.dumps(answers.window(state))) < 400_000
    assert len(json.dumps(answers.loop(state))) < 50_000


def test_the_command_serves_until_it_is_interrupted(tmp_path):
    running = subprocess.Popen([*COMMAND, "explore", "--port", "0", "--no-browser", "op=max-pool&i=4"], cwd=tmp_path,
                               env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        url, ends = running.stdout.readline().strip(), running.stdout.readline()
        port = int(re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\?op=max-pool&i=4", url)[1])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/api/window?op=max-pool&i=4")
        assert json.loads(connection.getresponse().read())["sizes"]["size"] == 2
        taken = call("explore", "--port", port, "--no-browser", cwd=tmp_path)
        refused(taken, rf"--port {port}: .*in use; --port 0 takes one that is free")
    finally:
        running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=10)
    assert running.returncode == 0 and err == "" and ends == "Ctrl-C ends it.\n"


def test_errors_of_use_are_one_line(tmp_path):
    refused(call("explore", "k=0", "--no-browser", cwd=tmp_path), "k: got '0', expected a whole number from 1 to 8")
    refused(call("explore", "--port", "70000", "--no-browser", cwd=tmp_path), "0 to 65535")
    helped = call("explore", "--help", cwd=tmp_path)
    assert "minigrad explore 'op=transposed&i=3&k=3&s=2&p=1&a=1'" in helped.stdout
