"""The count of lines of code, which CI prints per floor, counts code alone."""

import runpy
from pathlib import Path

COUNT = Path(__file__).resolve().parent.parent / ".ci" / "count"

PYTHON = '''"""doc
more"""
import x  # why

# why
def f():
    """d"""
    y = """a

    b"""
    return (1,

    2)
'''

CYTHON = '''"""doc"""
cdef extern from * nogil:
    """
    int x;
    """
    int f(int) nogil
cdef int g(int* p) noexcept nogil:
    """d"""
    # why
    return <int>p[0]
'''


def test_lines_of_code():
    count = runpy.run_path(str(COUNT))["code_lines"]
    assert count(PYTHON) == 1 + 1 + 3 + 2           # the import, def, the string that is a value, return
    assert count(CYTHON) == 1 + 3 + 1 + 1 + 1       # the text behind `cdef extern from *` is C
