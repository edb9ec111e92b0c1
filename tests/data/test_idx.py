import gzip
import struct

import pytest
from idx_files import write_idx

import minigrad
from minigrad.data import read_idx
from minigrad.io import FileError

TYPES = [(0x08, "B", "uint8"), (0x09, "b", "int32"), (0x0B, "h", "int32"), (0x0C, "i", "int32"),
         (0x0D, "f", "float32"), (0x0E, "d", "float64")]


def idx(code, letter, shape, numbers):
    return struct.pack(f">4B{len(shape)}I{len(numbers)}{letter}", 0, 0, code, len(shape), *shape, *numbers)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("code, letter, dtype", TYPES)
def test_every_type(tmp_path, code, letter, dtype, zipped):
    numbers = [1, 2, 3, 4, 5, 100] if letter == "B" else [1, -2, 3, -4, 5, 100]
    content = idx(code, letter, (2, 3), numbers)
    (tmp_path / "x").write_bytes(gzip.compress(content) if zipped else content)
    tensor = read_idx(tmp_path / "x")
    assert tensor.dtype.name == dtype
    assert tensor.tolist() == [numbers[:3], numbers[3:]]


@pytest.mark.parametrize("name", ["x-idx", "x-idx.gz"])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64"])
def test_round_trip(tmp_path, dtype, name):
    tensor = minigrad.arange(24).reshape(2, 3, 4).to(getattr(minigrad, dtype))
    write_idx(tensor.transpose(0, 2), tmp_path / name)
    back = read_idx(tmp_path / name)
    assert back.dtype is tensor.dtype and back.tolist() == tensor.transpose(0, 2).tolist()
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_empty_axis(tmp_path):
    (tmp_path / "x").write_bytes(idx(8, "B", (0, 5), []))
    assert tuple(read_idx(tmp_path / "x").shape) == (0, 5)


GOOD = idx(8, "B", (2, 3), [1, 2, 3, 4, 5, 6])
ZIPPED = gzip.compress(GOOD, mtime=0)          # without the time, so that the tests have the same names everywhere


@pytest.mark.parametrize("content, says", [
    (b"", "not an IDX file"), (b"\0\0", "not an IDX file"), (b"PK\3\4rest", "not an IDX file"),
    (b"\0\0\x0a\1" + bytes(8), "not an IDX file"), (b"\0\0\x08\0", "not an IDX file"),
    (b"\0\0\x08\xff", "not an IDX file"),
    (GOOD[:7], "truncated"), (GOOD[:-1], "truncated"), (GOOD + b"\0", "too long"),
    (idx(8, "B", (2**32 - 1,) * 8, []), "truncated"),
    (ZIPPED[:-4], "damaged gzip"), (ZIPPED[:9] + b"????", "damaged gzip"),
    (ZIPPED[:-8] + bytes(8), "damaged gzip"), (ZIPPED + b"rest", "damaged gzip"),
])
def test_damaged_files_are_refused_by_name(tmp_path, content, says):
    path = tmp_path / "some-images"
    path.write_bytes(content)
    with pytest.raises(FileError, match=says) as error:
        read_idx(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)
