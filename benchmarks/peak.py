"""How many multiply-adds this machine can do: independent chains of them in registers, in C, timed here and now."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

SOURCE = """
#include <stdio.h>
#include <time.h>
typedef float lanes __attribute__((vector_size(BYTES)));
int main(void) {
    lanes a[CHAINS], x, y;
    for (int k = 0; k < (int)(BYTES / 4); k++) { x[k] = 0.999f; y[k] = 0.001f; }
    for (int c = 0; c < CHAINS; c++) a[c] = x;
    struct timespec start, end;
    double best = 0;
    for (int round = 0; round < 20; round++) {
        clock_gettime(CLOCK_MONOTONIC, &start);
        for (long n = 0; n < 2000000; n++) {
            #pragma GCC unroll 12
            for (int c = 0; c < CHAINS; c++) a[c] = a[c] * x + y;
        }
        clock_gettime(CLOCK_MONOTONIC, &end);
        double rate = 2.0 * 2000000 * CHAINS * (BYTES / 4)
            / ((end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec));
        if (rate > best) best = rate;
    }
    float sum = 0;
    for (int c = 0; c < CHAINS; c++) sum += a[c][0];
    printf("%f %f\\n", best, sum);
    return 0;
}
"""


def fma_peak() -> float | None:
    """GF/s of one core in float32, the best of a few vector widths; None where there is no C compiler."""
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    rates = []
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder) / "peak.c", Path(folder) / "peak"
        source.write_text(SOURCE)
        for width in (16, 32, 64):
            command = [compiler, "-O3", "-march=native", "-ffp-contract=fast", f"-DBYTES={width}", "-DCHAINS=12",
                       "-mprefer-vector-width=512", str(source), "-o", str(program)]
            if subprocess.run(command, capture_output=True).returncode:
                continue
            rates.append(float(subprocess.run([str(program)], capture_output=True, text=True, check=True
                                              ).stdout.split()[0]))
    return max(rates, default=None)
