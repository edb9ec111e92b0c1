"""The naive loops that the page steps through, as text that is run as it stands.

Each is written once, over two axes, several channels and groups.  For one axis the lines and indices of the rows are
left out, for one channel those of the channels: a line marked `2` is for two axes, `c` for channels, `g` for groups,
and what a left-out loop held moves to the left.  `G` is the number of groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from minigrad.explore.state import Window
from minigrad.reference.nested import full

CONV = """
def conv(x, w, i, k, s, p, d, o):
    y = zeros(len(w), o, o)
    for f in range(len(w)):                                 # c
        first = f // (len(w) // G) * len(w[f])              # g
        for r in range(o):                                  # 2
            for q in range(o):
                total = 0
                for c in range(len(w[f])):                  # c
                    for u in range(k):                      # 2
                        for v in range(k):
                            m = r * s + u * d - p           # 2
                            n = q * s + v * d - p
                            if 0 <= m < i and 0 <= n < i:
                                total += w[f][c][u][v] * x[first + c][m][n]
                y[f][r][q] = total
    return y
"""

GATHER = """
def conv_transpose(x, w, i, k, s, p, d, o):
    y = zeros(len(w[0]) * G, o, o)
    for f in range(len(y)):                                 # c
        first = f // len(w[0]) * (len(w) // G)              # g
        for r in range(o):                                  # 2
            for q in range(o):
                total = 0
                for c in range(len(w) // G):                # c
                    for u in range(k):                      # 2
                        for v in range(k):
                            m, above = divmod(r + p - u * d, s)     # 2
                            n, left = divmod(q + p - v * d, s)
                            if above == left == 0 and 0 <= m < i and 0 <= n < i:
                                total += w[first + c][f % len(w[0])][u][v] * x[first + c][m][n]
                y[f][r][q] = total
    return y
"""

SCATTER = """
def conv_transpose(x, w, i, k, s, p, d, o):
    y = zeros(len(w[0]) * G, o, o)
    for c in range(len(x)):                                 # c
        first = c // (len(w) // G) * len(w[c])              # g
        for r in range(i):                                  # 2
            for q in range(i):
                for f in range(len(w[c])):                  # c
                    for u in range(k):                      # 2
                        for v in range(k):
                            m = r * s + u * d - p           # 2
                            n = q * s + v * d - p
                            if 0 <= m < o and 0 <= n < o:
                                y[first + f][m][n] += w[c][f][u][v] * x[c][r][q]
    return y
"""

# v is the kernel turned by half a turn, z the input with zeros between and around.
STRETCHED = """
def conv_transpose(z, v, k, d, o):
    y = zeros(len(v), o, o)
    for f in range(len(v)):                                 # c
        first = f // (len(v) // G) * len(v[f])              # g
        for r in range(o):                                  # 2
            for q in range(o):
                total = 0
                for c in range(len(v[f])):                  # c
                    for a in range(k):                      # 2
                        for b in range(k):
                            m = r + a * d                   # 2
                            n = q + b * d
                            total += v[f][c][a][b] * z[first + c][m][n]
                y[f][r][q] = total
    return y
"""

WEIGHT_GRADIENT = """
def conv_weight(x, g, i, k, s, p, d, o):
    w = zeros(k, k)
    for u in range(k):                                      # 2
        for v in range(k):
            total = 0
            for r in range(o):                              # 2
                for q in range(o):
                    m = r * s + u * d - p                   # 2
                    n = q * s + v * d - p
                    if 0 <= m < i and 0 <= n < i:
                        total += g[r][q] * x[m][n]
            w[u][v] = total
    return w
"""

MAX_POOL = """
def max_pool(x, i, k, s, p, d, o):
    y = zeros(o, o)
    for r in range(o):                                      # 2
        for q in range(o):
            best = -inf
            for u in range(k):                              # 2
                for v in range(k):
                    m = r * s + u * d - p                   # 2
                    n = q * s + v * d - p
                    if 0 <= m < i and 0 <= n < i and x[m][n] > best:
                        best = x[m][n]
            y[r][q] = best
    return y
"""

AVG_POOL = """
def avg_pool(x, i, k, s, p, d, o):
    y = zeros(o, o)
    for r in range(o):                                      # 2
        for q in range(o):
            total = 0
            for u in range(k):                              # 2
                for v in range(k):
                    m = r * s + u * d - p                   # 2
                    n = q * s + v * d - p
                    if 0 <= m < i and 0 <= n < i:
                        total += x[m][n]
            y[r][q] = total / (k * k)
    return y
"""

# z is the input that was pooled to x.
MAX_UNPOOL = """
def max_unpool(x, z, i, k, s, p, d, o):
    y = zeros(i, i)
    for r in range(o):                                      # 2
        for q in range(o):
            best = -inf
            for u in range(k):                              # 2
                for v in range(k):
                    m = r * s + u * d - p                   # 2
                    n = q * s + v * d - p
                    if 0 <= m < i and 0 <= n < i and z[m][n] > best:
                        best = z[m][n]
                        top = m                             # 2
                        left = n
            y[top][left] += x[r][q]
    return y
"""

AVG_UNPOOL = """
def avg_unpool(x, i, k, s, p, d, o):
    y = zeros(i, i)
    for r in range(o):                                      # 2
        for q in range(o):
            part = x[r][q] / (k * k)
            for u in range(k):                              # 2
                for v in range(k):
                    m = r * s + u * d - p                   # 2
                    n = q * s + v * d - p
                    if 0 <= m < i and 0 <= n < i:
                        y[m][n] += part
    return y
"""

NEAREST = """
def upsample(x, s, o):
    y = zeros(o, o)
    for r in range(o):                                      # 2
        for q in range(o):
            m = r // s                                      # 2
            n = q // s
            y[r][q] = x[m][n]
    return y
"""

LINEAR = """
def upsample(x, i, s, o):
    y = zeros(o, o)
    for r in range(o):                                      # 2
        above = min(max((r + 0.5) / s - 0.5, 0), i - 1)     # 2
        for q in range(o):
            left = min(max((q + 0.5) / s - 0.5, 0), i - 1)
            total = 0
            for m in range(int(above), min(int(above) + 2, i)):     # 2
                for n in range(int(left), min(int(left) + 2, i)):
                    part = (1 - abs(above - m)) * (1 - abs(left - n))
                    total += part * x[m][n]
            y[r][q] = total
    return y
"""

# What is left out of lines that stay, or written otherwise: without rows, without channels, without groups.
ROWS = {"[r]": "", "[u]": "", "[m]": "", "[a]": "", "[top]": "", "0 <= m < i and ": "", "0 <= m < o and ": "",
        "above == ": "", "(1 - abs(above - m)) * ": "", "k * k": "k",
        **{f"{size}, {size})": f"{size})" for size in "iko"}}
CHANNELS = {"[f]": "", "[c]": "", "[first + f]": "", "[first + c]": "", "[f % len(w[0])]": "", "len(w), ": "",
            "len(w[0]) * G, ": "", "len(v), ": ""}
GROUPS = {"first + ": "", " // G": "", " * G": "", "f % len(w[0])": "f"}


FILE = "<loop>"             # what a loop's code says it comes from


@dataclass(frozen=True)
class Program:
    """A loop as text.

    `steps` are the variables whose loops go from step to step.  `source`, `kernel` and `target` say by which variables
    the cells of this moment are found: (channel, row, column), of the kernel (row of kernels, its column, row, column);
    a channel may be a sum.  `letters` are the names of the three arrays.
    """

    text: str
    steps: tuple[str, ...]
    source: tuple[str, ...]
    kernel: tuple[str, ...]
    target: tuple[str, ...]
    letters: tuple[str, str, str]

    def function(self) -> Callable[..., Any]:
        """The text as a function, which is what runs."""
        names: dict[str, Any] = {"zeros": lambda *sizes: full(sizes, 0), "inf": float("inf")}
        exec(compile(self.text, FILE, "exec"), names)
        name = self.text.partition("(")[0].removeprefix("def ")
        return names[name]      # type: ignore[no-any-return]


# (text, loops from step to step, source, kernel, target, letters)
PROGRAMS: dict[str, tuple[str, str, str, str, str, str]] = {
    "conv": (CONV, "f r q", "first+c m n", "f c u v", "f r q", "xwy"),
    "transposed/matrix": (GATHER, "f r q", "first+c m n", "first+c f u v", "f r q", "xwy"),
    "transposed/scatter": (SCATTER, "c r q", "c r q", "c f u v", "first+f m n", "xwy"),
    "transposed/stretched": (STRETCHED, "f r q", "first+c m n", "f c a b", "f r q", "zvy"),
    "weight-gradient": (WEIGHT_GRADIENT, "u v", "- m n", "- - r q", "- u v", "xgw"),
    "max-pool": (MAX_POOL, "r q", "- m n", "", "- r q", "x-y"),
    "avg-pool": (AVG_POOL, "r q", "- m n", "", "- r q", "x-y"),
    "max-unpool": (MAX_UNPOOL, "r q", "- r q", "- - m n", "- top left", "xzy"),
    "avg-unpool": (AVG_UNPOOL, "r q", "- r q", "", "- m n", "x-y"),
    "upsample/nearest": (NEAREST, "r q", "- m n", "", "- r q", "x-y"),
    "upsample/linear": (LINEAR, "r q", "- m n", "", "- r q", "x-y"),
}


def program(window: Window) -> Program:
    """The loop of a state, for its axes, channels and groups.

    >>> from minigrad.explore.state import parse
    >>> print(program(parse("axes=1").window).text)
    def conv(x, w, i, k, s, p, d, o):
        y = zeros(o)
        for q in range(o):
            total = 0
            for v in range(k):
                n = q * s + v * d - p
                if 0 <= n < i:
                    total += w[v] * x[n]
            y[q] = total
        return y
    """
    text, steps, source, kernel, target, letters = PROGRAMS["/".join(filter(None, (window.op, window.view,
                                                                                   window.mode)))]
    several = max(window.c or 1, window.f or 1) > 1
    kept = {"2": window.axes == 2, "c": several, "g": (window.g or 1) > 1}
    changes = {} if several else dict(CHANNELS)
    changes |= {} if kept["g"] else GROUPS
    changes |= {} if kept["2"] else ROWS
    shown = "\n".join(lines(text, kept, changes | {"G": str(window.g)}))
    return Program(shown, tuple(steps.split()), tuple(source.split()), tuple(kernel.split()), tuple(target.split()),
                   (letters[0], letters[1], letters[2]))


def lines(text: str, kept: dict[str, bool], changes: dict[str, str]) -> Iterator[str]:
    """The lines that are kept, with the changes made."""
    left_out: list[int] = []        # the depths of the loops that are not there
    for line in text.strip().splitlines():
        code, _, mark = line.partition("#")
        depth = (len(code) - len(code.lstrip())) // 4
        left_out = [other for other in left_out if other < depth]
        if mark and not kept[mark.strip()]:
            if code.rstrip().endswith(":"):
                left_out.append(depth)
            continue
        code = code.rstrip()[4 * len(left_out):]
        for old, new in changes.items():
            code = code.replace(old, new)
        yield code
