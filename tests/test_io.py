import json
import math
import os
import struct

import pytest
from hypothesis import given, strategies as st

import minigrad
from minigrad.io import FileError, atomic_write, tensor_from_bytes

DTYPES = ["bool", "uint8", "int32", "int64", "float32", "float64"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.safetensors"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 4), (1, 2, 1, 3)])
def test_round_trip(path, dtype, shape):
    tensor = (minigrad.arange(math.prod(shape)) % 2).reshape(shape).to(getattr(minigrad, dtype))
    minigrad.save({"t": tensor}, path)
    back = minigrad.load(path)["t"]
    assert back.dtype is tensor.dtype and tuple(back.shape) == shape and back.tolist() == tensor.tolist()


def test_views_are_saved_in_their_own_order(path):
    x = minigrad.arange(12).reshape(3, 4)
    minigrad.save([x.T, x[:, ::2], x[0].expand(2, 4)], path)
    a, b, c = minigrad.load(path)
    assert (a.tolist(), b.tolist(), c.tolist()) == (x.T.tolist(), x[:, ::2].tolist(), [[0, 1, 2, 3]] * 2)


def test_nested(path):
    x = minigrad.tensor([1.0, math.nan, math.inf])
    thing = {"model": {"w": x, 3: [1, 2.5, None, True, "text", (minigrad.ones(2), {})]}, "lr": 0.1, "big": 2**70,
             "inf": -math.inf, "tied": x}
    minigrad.save(thing, path)
    back = minigrad.load(path)
    assert list(back) == list(thing) and back["lr"] == 0.1 and back["big"] == 2**70 and back["inf"] == -math.inf
    assert back["tied"] is back["model"]["w"]
    assert back["model"][3][:5] == [1, 2.5, None, True, "text"] and back["model"][3][3] is True
    assert isinstance(back["model"][3][5], tuple) and back["model"][3][5][1] == {}
    assert back["model"]["w"].tolist()[0] == 1.0 and math.isnan(back["model"]["w"].tolist()[1])


KEYS = st.text(max_size=3) | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
NUMBERS = st.lists(st.integers(-5, 5), max_size=3).map(lambda numbers: minigrad.tensor(numbers, dtype=minigrad.int64))


@given(st.recursive(SCALARS | NUMBERS, lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner)
                    | st.dictionaries(KEYS, inner, max_size=3)))
def test_anything_nested(tmp_path_factory, thing):
    def same(a, b):
        if isinstance(a, minigrad.Tensor):
            return a.dtype is b.dtype and a.tolist() == b.tolist()
        if isinstance(a, dict):
            return list(map(repr, a)) == list(map(repr, b)) and all(same(a[key], b[key]) for key in a)
        if isinstance(a, list | tuple):
            return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
        return type(a) is type(b) and a == b

    path = tmp_path_factory.getbasetemp() / "nested.safetensors"
    minigrad.save(thing, path)
    assert same(thing, minigrad.load(path))


def test_names_that_meet(path):
    one, two, three = (minigrad.tensor(float(i)) for i in range(3))
    minigrad.save({"a": {"b": one}, "a.b": two, "__metadata__": three, "": [one]}, path)
    back = minigrad.load(path)
    assert (back["a"]["b"].item(), back["a.b"].item(), back["__metadata__"].item()) == (0, 1, 2)


def test_lone_tensor_and_no_tensor(path):
    minigrad.save(minigrad.tensor(4), path)
    assert minigrad.load(path).item() == 4
    minigrad.save({"n": 1}, path)
    assert minigrad.load(path) == {"n": 1}


def test_gradients_are_not_saved(path):
    x = minigrad.ones(2, requires_grad=True)
    minigrad.save({"x": x, "y": x * 2}, path)
    back = minigrad.load(path)
    assert not back["x"].requires_grad and back["y"].tolist() == [2, 2]


def test_same_object_same_bytes(path):
    thing = {"b": minigrad.ones(3), "a": minigrad.zeros(2), "n": {"k": 1}}
    minigrad.save(thing, path)
    first = path.read_bytes()
    minigrad.save(thing, path)
    assert path.read_bytes() == first


@pytest.mark.parametrize("thing, where", [({"a": [object()]}, r"obj\['a'\]\['0'\]"), ({(1, 2): 1}, "obj has a key"),
                                          (b"bytes", "obj is of type bytes"), ({1j: 1}, "obj has a key")])
def test_refused(path, thing, where):
    with pytest.raises(TypeError, match=f"save: {where}"):
        minigrad.save(thing, path)
    assert not path.exists()


def test_endless(path):
    loop = []
    loop.append(loop)
    with pytest.raises(ValueError, match="contains itself"):
        minigrad.save(loop, path)


# Damage


def test_every_truncation_and_a_flip_in_every_byte_of_the_header(path):
    minigrad.save({"w": minigrad.arange(4), "n": [1, {"a": None}]}, path)
    content = path.read_bytes()
    for cut in range(len(content)):
        path.write_bytes(content[:cut])
        with pytest.raises(FileError) as error:
            minigrad.load(path)
        assert str(path) in str(error.value)
    for place in range(len(content) - 32):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 7
        path.write_bytes(flipped)
        try:
            minigrad.load(path)
        except FileError as error:
            assert str(path) in str(error)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        minigrad.load(tmp_path / "nothing")


def test_dtype_that_minigrad_has_not(path):
    header = json.dumps({"h": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    with pytest.raises(FileError, match=r"tensor 'h' has dtype F16"):
        minigrad.load(path)


def test_atomic_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x"
    atomic_write(path, b"old")
    with pytest.raises(TypeError):
        atomic_write(path, b"new", "not bytes")
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["x"]

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["x"]


def test_atomic_write_obeys_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        atomic_write(tmp_path / "x", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640


def test_from_bytes():
    assert tensor_from_bytes(struct.pack("<2i", -1, 7), "int32", (2, 1)).tolist() == [[-1], [7]]
    assert tensor_from_bytes(b"", "float32", (0,)).shape == (0,)


# Other programs


def test_the_library_reads_ours(path):
    safetensors = pytest.importorskip("safetensors")
    minigrad.save({"layer.weight": minigrad.tensor([[1.0, 2.0]]), "n": minigrad.tensor([True])}, path)
    found = dict(safetensors.deserialize(path.read_bytes()))
    assert found["layer.weight"]["dtype"] == "F32" and found["layer.weight"]["shape"] == [1, 2]
    assert bytes(found["layer.weight"]["data"]) == struct.pack("<2f", 1, 2) and set(found) == {"layer.weight", "n"}


@pytest.mark.torch
def test_interchange_with_torch(path):
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file({"b": torch.arange(6).reshape(2, 3), "a": torch.tensor([0.5, -1.0])}, path)
    back = minigrad.load(path)
    assert back["b"].tolist() == [[0, 1, 2], [3, 4, 5]] and back["a"].tolist() == [0.5, -1.0]
    minigrad.save(back, path)
    assert safetensors.load_file(path)["b"].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.numpy
def test_interchange_with_numpy(path):
    numpy = pytest.importorskip("numpy")
    safetensors = pytest.importorskip("safetensors.numpy")
    safetensors.save_file({"x": numpy.arange(6, dtype="int32").reshape(2, 3)}, path, {"by": "numpy"})
    assert minigrad.load(path)["x"].tolist() == [[0, 1, 2], [3, 4, 5]]
    minigrad.save({"y": minigrad.ones(2)}, path)
    assert safetensors.load_file(path)["y"].tolist() == [1, 1]
