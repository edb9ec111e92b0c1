"""Memory shared with the outside at the level of tensors: what one side writes, the other reads."""

import array
import gc

import pytest

import minigrad
from minigrad.dtypes import DTYPES


def test_memoryview_shares_both_ways():
    x = minigrad.arange(6.).reshape(2, 3)
    view = memoryview(x)
    view[1, 2] = 50
    assert x[1, 2].item() == 50 and view.format == "f" and view.shape == (2, 3)
    x[0, 0] = 7
    assert view[0, 0] == 7
    assert memoryview(x.t()).tolist() == [[7, 3], [1, 4], [2, 50]]


def test_a_tensor_that_requires_a_gradient_is_lent_read_only():
    x = minigrad.ones(2, requires_grad=True)
    assert memoryview(x).readonly and memoryview(x).tolist() == [1, 1]
    assert not memoryview(x.detach()).readonly


def test_memory_outlives_its_tensor():
    view = memoryview(minigrad.arange(3))
    gc.collect()
    assert view.tolist() == [0, 1, 2]
    numbers = array.array("f", [1, 2, 3])
    x = minigrad.as_tensor(numbers)
    x[0] = 9
    assert numbers[0] == 9
    del numbers
    gc.collect()
    assert x.tolist() == [9, 2, 3]


def test_dlpack_with_itself():
    x = minigrad.arange(6).reshape(2, 3).t()
    y = minigrad.from_dlpack(x)
    y[0, 0] = 5
    assert x[0, 0].item() == 5 and y.shape == (3, 2) and y.stride() == (1, 3)
    assert x.__dlpack_device__() == (1, 0)
    for dtype in DTYPES:
        assert minigrad.from_dlpack(minigrad.ones(2, dtype=dtype)).dtype is dtype


def test_read_only_sources_are_copied():
    source = bytes([1, 2, 3])
    x = minigrad.tensor(source)
    x[0] = 9
    assert x.tolist() == [9, 2, 3] and source[0] == 1


@pytest.mark.numpy
@pytest.mark.parametrize("dtype", DTYPES, ids=repr)
def test_numpy_shares_both_ways(dtype):
    numpy = pytest.importorskip("numpy")
    x = minigrad.arange(6).reshape(2, 3).to(dtype)
    for tensor in (x, x.t(), x[:, ::2], x.flip(0), x.expand(2, 2, 3), x[0, 0], x[:, :0]):
        a = numpy.asarray(tensor)
        assert a.dtype.name == dtype.name and a.shape == tensor.shape and a.tolist() == tensor.tolist()
    a = numpy.asarray(x.t())
    a[2, 1] = 1
    assert x[1, 2].item() == 1
    x[0, 1] = 1
    assert a[1, 0] == 1
    assert numpy.shares_memory(x.numpy(), a)
    back = minigrad.from_numpy(a)
    back[0, 0] = 1
    assert x[0, 0].item() == 1 and back.dtype is dtype
    assert minigrad.tensor(a).data_ptr() != x.data_ptr()
    assert minigrad.tensor(a[::-1, ::2]).tolist() == a[::-1, ::2].tolist()


@pytest.mark.numpy
def test_numpy_values_are_taken_as_numbers():
    numpy = pytest.importorskip("numpy")
    x = minigrad.ones(2)
    assert (x * numpy.float32(2)).tolist() == [2, 2] and (x + numpy.int64(1)).tolist() == [2, 2]
    assert x[numpy.int64(1)].item() == 1 and x[numpy.array([True, False])].tolist() == [1]
    assert minigrad.zeros(numpy.int64(2), 3).shape == (2, 3) and minigrad.tensor(numpy.float64(1.5)).item() == 1.5
    assert minigrad.tensor([numpy.float32(1.5), 2]).tolist() == [1.5, 2]
    assert minigrad.full((2,), numpy.int32(3)).tolist() == [3, 3]
    with pytest.raises(RuntimeError, match="numpy"):
        minigrad.ones(2, requires_grad=True).numpy()
    for bad in (numpy.array(["a"]), numpy.array([1j]), numpy.array([object()])):
        with pytest.raises((TypeError, ValueError, BufferError)):
            minigrad.tensor(bad)


@pytest.mark.torch
@pytest.mark.parametrize("dtype", DTYPES, ids=repr)
def test_torch_shares_both_ways(dtype):
    torch = pytest.importorskip("torch")
    x = minigrad.arange(6).reshape(2, 3).to(dtype).t()
    t = torch.from_dlpack(x)
    assert str(t.dtype) == f"torch.{dtype.name}" and t.tolist() == x.tolist() and t.stride() == x.stride()
    t[2, 1] = 1
    assert x[2, 1].item() == 1
    y = minigrad.from_dlpack(t)
    y[1, 0] = 0
    assert t[1, 0].item() == 0 == x[1, 0].item() and y.dtype is dtype
    del x, y
    gc.collect()
    assert t[2, 1].item() == 1


@pytest.mark.torch
def test_lifetimes_across_libraries():
    torch = pytest.importorskip("torch")
    tensors = [minigrad.from_dlpack(torch.arange(1000.) + j) for j in range(20)]
    gc.collect()
    assert [t[999].item() for t in tensors] == [999. + j for j in range(20)]
    arrays = [torch.from_dlpack(minigrad.arange(1000.) + j) for j in range(20)]
    gc.collect()
    assert [a[999].item() for a in arrays] == [999. + j for j in range(20)]
    with pytest.raises((BufferError, RuntimeError, ValueError)):
        minigrad.ones(2, requires_grad=True).__dlpack__()
