"""Memory lent and borrowed by PEP 3118 and DLPack: what is shared, copied or refused, and who lives how long."""

import array
import ctypes
import gc
import sys
import weakref

import pytest

from minigrad_ext.allocator import memory_stats
from minigrad_ext.buffer import Buffer, Exporter

BOOL, UINT8, INT32, INT64, FLOAT32, FLOAT64 = range(6)
LONG = "l" if ctypes.sizeof(ctypes.c_long) == 8 else "q"
FORMATS = ("?", "B", "i", LONG, "f", "d")
ITEMSIZES = (1, 1, 4, 8, 4, 8)
VALUES = ([True, False, True], [0, 1, 255], [-2**31, 0, 7], [-2**63, 0, 2**63 - 1], [0.5, -1.5, 2.0],
          [0.1, -1e300, 2.0])


def numbers(code):
    return Buffer.from_nested(VALUES[code], code)


def grid():
    return Buffer.from_nested([[1, 2, 3], [4, 5, 6]])


# -------------------------------------------------------------------------------- lending, PEP 3118

@pytest.mark.parametrize("code", range(6))
def test_memoryview_shows_each_dtype(code):
    buffer = numbers(code)
    view = memoryview(buffer)
    assert (view.format, view.itemsize, view.nbytes) == (FORMATS[code], ITEMSIZES[code], 3 * ITEMSIZES[code])
    assert view.tolist() == VALUES[code] and not view.readonly and view.obj is buffer
    view[0] = VALUES[code][1]
    assert buffer.tolist()[0] == VALUES[code][1]


def test_memoryview_shows_strides():
    buffer = grid()
    assert memoryview(buffer).strides == (24, 8) and memoryview(buffer).c_contiguous
    turned = memoryview(buffer.permute((1, 0)))
    assert turned.tolist() == [[1, 4], [2, 5], [3, 6]] and turned.strides == (8, 24)
    assert turned.f_contiguous and not turned.c_contiguous
    back = memoryview(buffer.slice((1, 2), (-1, -2), (2, 2)))
    assert back.tolist() == [[6, 4], [3, 1]] and back.strides == (-24, -16) and not back.contiguous
    assert bytes(back) == Buffer.from_nested([[6, 4], [3, 1]]).tobytes()
    assert memoryview(Buffer.scalar(3, INT64).expand((2, 2))).tolist() == [[3, 3], [3, 3]]


def test_memoryview_of_one_number_and_of_none():
    one = memoryview(Buffer.scalar(2.5, FLOAT64))
    assert (one.ndim, one.shape, one.strides, one.tolist()) == (0, (), (), 2.5)
    none = memoryview(Buffer.empty((2, 0, 3), FLOAT32))
    assert (none.shape, none.nbytes, none.tolist()) == ((2, 0, 3), 0, [[], []])
    assert bytes(none) == b""


class PyBuffer(ctypes.Structure):
    _fields_ = [("buf", ctypes.c_void_p), ("obj", ctypes.c_void_p), ("len", ctypes.c_ssize_t),
                ("itemsize", ctypes.c_ssize_t), ("readonly", ctypes.c_int), ("ndim", ctypes.c_int),
                ("format", ctypes.c_char_p), ("shape", ctypes.POINTER(ctypes.c_ssize_t)),
                ("strides", ctypes.POINTER(ctypes.c_ssize_t)), ("suboffsets", ctypes.c_void_p),
                ("internal", ctypes.c_void_p)]


SIMPLE, WRITABLE, FORMAT, ND, STRIDES = 0, 1, 4, 8, 0x18
C_CONTIGUOUS, F_CONTIGUOUS, ANY_CONTIGUOUS = 0x38, 0x58, 0x98


def request(exporter, flags):
    """What a C consumer with these flags gets: (ndim, format, shape, strides in bytes, readonly)."""
    view = PyBuffer()
    ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(exporter), ctypes.byref(view), flags)
    try:
        shape, strides = (tuple(field[:view.ndim]) if field else None for field in (view.shape, view.strides))
        return view.ndim, view.format, shape, strides, view.readonly
    finally:
        ctypes.pythonapi.PyBuffer_Release(ctypes.byref(view))


def test_a_consumer_gets_what_it_asked_for():
    buffer, long = grid(), LONG.encode()
    assert request(buffer, SIMPLE) == (1, None, None, None, 0)
    assert request(buffer, WRITABLE | FORMAT) == (1, long, None, None, 0)
    assert request(buffer, ND) == (2, None, (2, 3), None, 0)
    assert request(buffer, STRIDES | FORMAT) == (2, long, (2, 3), (24, 8), 0)
    assert request(buffer.permute((1, 0)), STRIDES) == (2, None, (3, 2), (8, 24), 0)
    assert request(buffer.permute((1, 0)), F_CONTIGUOUS)[2:4] == ((3, 2), (8, 24))
    assert request(buffer.permute((1, 0)), ANY_CONTIGUOUS)[2:4] == ((3, 2), (8, 24))
    assert request(Buffer.scalar(1, INT32), STRIDES | FORMAT) == (0, b"i", None, None, 0)


@pytest.mark.parametrize(("flags", "turned", "text"), [
    (C_CONTIGUOUS, True, r"the buffer is not contiguous in the order asked for \(C\)"),
    (F_CONTIGUOUS, False, r"the buffer is not contiguous in the order asked for \(F\)"),
    (SIMPLE, True, r"the buffer is not contiguous in the order asked for \(C\)"),
    (ND | FORMAT, True, r"the buffer is not contiguous in the order asked for \(C\)"),
])
def test_a_consumer_that_cannot_cope_is_refused(flags, turned, text):
    with pytest.raises(BufferError, match=text):
        request(grid().permute((1, 0)) if turned else grid(), flags)


def test_any_contiguous_is_refused_between_the_two():
    with pytest.raises(BufferError, match=r"the buffer is not contiguous in the order asked for \(A\)"):
        request(grid().slice((0, 0), (1, 2), (2, 2)), ANY_CONTIGUOUS)


class Holder(Exporter):
    requires_grad = False

    def __init__(self, buffer):
        self.buffer = buffer


def test_a_holder_lends_its_buffer():
    held = Holder(grid())
    view = memoryview(held)
    assert view.obj is held.buffer
    view[0, 0] = 9
    assert held.buffer.tolist()[0] == [9, 2, 3]
    assert Buffer.from_dlpack(held).data_ptr == held.buffer.data_ptr and held.__dlpack_device__() == (1, 0)


def test_a_holder_that_requires_grad_lends_for_reading():
    held = Holder(grid())
    held.requires_grad = True
    view = memoryview(held)
    assert view.readonly and view.tolist() == grid().tolist()
    with pytest.raises(BufferError, match=r"the memory is read-only \(or belongs to a tensor that requires grad\)"):
        request(held, WRITABLE)
    with pytest.raises(BufferError, match=r"cannot export a tensor that requires grad; use tensor.detach\(\)"):
        held.__dlpack__()
    held.requires_grad = False
    assert not memoryview(held).readonly


def test_a_memoryview_outlives_its_buffer():
    held = Holder(Buffer.from_nested([1.0, 2.0, 3.0]))
    view = memoryview(held)
    held.buffer = Buffer.from_nested([7.0])
    del held
    others = [Buffer.from_nested([0.0] * 3) for _ in range(8)]
    assert view.tolist() == [1.0, 2.0, 3.0] and len(others) == 8


def test_lending_keeps_references_balanced():
    held, none = Holder(grid()), sys.getrefcount(None)
    count = sys.getrefcount(held.buffer)
    for _ in range(1000):
        memoryview(held).tolist(), held.buffer.__dlpack__()
    after, none_after = sys.getrefcount(held.buffer), sys.getrefcount(None)
    assert after == count and abs(none_after - none) < 500


# -------------------------------------------------------------------------------- borrowing, PEP 3118

@pytest.mark.parametrize(("typecode", "code"), [("B", UINT8), ("i", INT32), ("q", INT64), ("l", INT64), ("f", FLOAT32),
                                                ("d", FLOAT64)])
def test_an_array_is_shared(typecode, code):
    source = array.array(typecode, [1, 2, 3])
    buffer = Buffer.from_exporter(source)
    assert buffer.tolist() == [1, 2, 3]
    assert buffer.dtype == (code if typecode != "l" or source.itemsize == 8 else INT32)
    source[0] = 9
    buffer.slice((2,), (1,), (1,)).set_item(7)
    assert buffer.tolist() == source.tolist() == [9, 2, 7]
    with pytest.raises(BufferError):        # the array must not move while it is lent
        source.append(1)
    del buffer
    source.append(1)


@pytest.mark.parametrize("prefix", ["", "@", "=", "<" if sys.byteorder == "little" else ">"])
@pytest.mark.parametrize(("kind", "code"), [("?", BOOL), ("B", UINT8), ("i", INT32), ("q", INT64), ("f", FLOAT32),
                                            ("d", FLOAT64)])
def test_formats_with_prefixes(prefix, kind, code):
    class Source(ctypes.Structure):
        pass

    cells = {"?": ctypes.c_bool, "B": ctypes.c_ubyte, "i": ctypes.c_int32, "q": ctypes.c_int64, "f": ctypes.c_float,
             "d": ctypes.c_double}
    source = (cells[kind] * 3)(*VALUES[code])
    native = memoryview(source)             # ctypes spells "<i"; the others come by casting
    view = native if prefix in ("<", ">") else native.cast("B").cast(prefix.replace("=", "@") + kind)
    buffer = Buffer.from_exporter(view)
    assert (buffer.dtype, buffer.tolist()) == (code, VALUES[code])
    assert buffer.data_ptr == ctypes.addressof(source)


def test_strided_memory_is_shared():
    source = array.array("i", range(12))
    view = memoryview(source).cast("B").cast("i", (3, 4))
    buffer = Buffer.from_exporter(view)
    assert buffer.shape == (3, 4) and buffer.data_ptr == source.buffer_info()[0]
    back = Buffer.from_exporter(memoryview(source)[::-3])
    assert back.tolist() == [11, 8, 5, 2] and back.strides == (-3,)
    source[11] = -1
    assert back.tolist() == [-1, 8, 5, 2]
    assert back.offset == 9 and back.as_strided((4,), (3,), 0).tolist() == [2, 5, 8, -1]
    with pytest.raises(ValueError, match="leaves the storage of 10 elements"):
        back.as_strided((11,), (1,), 0)


def test_what_cannot_be_shared_is_copied():
    readonly = array.array("i", [1, 2, 3])
    for source in (memoryview(readonly).toreadonly(), bytes(readonly)):
        assert Buffer.from_exporter(source).data_ptr != readonly.buffer_info()[0]
    assert Buffer.from_exporter(b"abc").tolist() == [97, 98, 99]
    raw = bytearray(13)
    raw[1:] = bytes(readonly)
    assert Buffer.from_exporter(memoryview(raw)[1:].cast("i")).tolist() == [1, 2, 3]
    odd = memoryview(bytearray([0, 1, 2, 255])).cast("?")
    assert Buffer.from_exporter(odd).tobytes() == bytes([0, 1, 1, 1])
    assert Buffer.from_exporter(odd[:2]).data_ptr == Buffer.from_exporter(odd[:2]).data_ptr


def test_a_copy_is_a_copy():
    source = array.array("d", [1, 2, 3, 4])
    copied = Buffer.from_exporter(memoryview(source)[::-2], True)
    source[3] = 0
    assert copied.tolist() == [4.0, 2.0] and copied.is_contiguous() and copied.data_ptr % 64 == 0
    source.append(5)        # nothing is lent


def test_borrowed_shapes():
    cube = (ctypes.c_float * 3 * 0 * 2)()
    assert Buffer.from_exporter(cube).shape == (2, 0, 3)
    single = ctypes.c_double(2.5)
    buffer = Buffer.from_exporter(single)
    assert buffer.shape == () and buffer.item() == 2.5
    nine = ctypes.c_float
    for _ in range(9):
        nine = nine * 1
    with pytest.raises(ValueError, match="from_exporter: shape: got 9 entries, expected at most 8"):
        Buffer.from_exporter(nine())


@pytest.mark.parametrize(("source", "text"), [
    (array.array("H", [1]), "from_exporter: format 'H' of 2 bytes has no dtype; expected one of"),
    (array.array("I", [1]), "from_exporter: format 'I' of 4 bytes has no dtype"),
    (array.array("b", [1]), "from_exporter: format 'b' of 1 bytes has no dtype"),
    ((ctypes.c_int32.__ctype_be__ * 2)() if sys.byteorder == "little" else (ctypes.c_int32.__ctype_le__ * 2)(),
     "in the machine's byte order"),
    (3, "memoryview: a bytes-like object is required, not 'int'"),
])
def test_formats_without_a_dtype(source, text):
    with pytest.raises(TypeError) as caught:
        Buffer.from_exporter(source)
    assert text in str(caught.value)


class Cells(ctypes.c_int32 * 3):
    """Memory whose end can be watched."""


def test_a_buffer_outlives_its_source():
    source = Cells(1, 2, 3)
    gone = weakref.ref(source)
    view = Buffer.from_exporter(source).slice((2,), (-1,), (3,))
    del source
    gc.collect()
    assert gone() is not None and view.tolist() == [3, 2, 1]
    del view
    assert gone() is None


def test_a_cycle_through_borrowed_memory_is_collected():
    class Source(Cells):
        pass

    source = Source(1, 2, 3)
    gone = weakref.ref(source)
    source.borrower = Buffer.from_exporter(source)
    del source
    gc.collect()
    assert gone() is None


# -------------------------------------------------------------------------------- DLPack

@pytest.mark.parametrize("code", range(6))
@pytest.mark.parametrize("version", [None, (0, 8), (1, 0), (1, 3)])
def test_dlpack_shares(code, version):
    buffer = numbers(code)
    capsule = buffer.__dlpack__(max_version=version)
    assert ("dltensor_versioned" in repr(capsule)) == (version is not None and version >= (1, 0))
    borrowed = Buffer.from_dlpack(capsule)
    assert borrowed.tolist() == VALUES[code] and borrowed.dtype == code and borrowed.data_ptr == buffer.data_ptr
    assert "used_dltensor" in repr(capsule)
    with pytest.raises(ValueError, match="from_dlpack: the capsule is not a DLPack one, or has been used already"):
        Buffer.from_dlpack(capsule)


def test_dlpack_views():
    buffer = grid().permute((1, 0)).slice((1, 0), (1, 1), (2, 2))
    borrowed = Buffer.from_dlpack(buffer)
    assert borrowed.tolist() == [[2, 5], [3, 6]] and borrowed.strides == buffer.strides
    assert Buffer.from_dlpack(Buffer.scalar(7, INT64)).item() == 7
    assert Buffer.from_dlpack(Buffer.empty((2, 0), FLOAT32)).shape == (2, 0)
    assert Buffer.from_dlpack(Buffer.scalar(1, INT64).expand((2, 2))).tolist() == [[1, 1], [1, 1]]
    copied = Buffer.from_dlpack(buffer, True)
    assert copied.tolist() == buffer.tolist() and not copied.overlaps(buffer)
    assert not Buffer.from_dlpack(buffer.__dlpack__(copy=True)).overlaps(buffer)


def test_dlpack_device():
    assert grid().__dlpack_device__() == (1, 0)


@pytest.mark.parametrize(("kwargs", "text"), [
    ({"stream": 1}, "__dlpack__: stream, dl_device: got 1 and None, expected None and (1, 0)"),
    ({"dl_device": (2, 0)}, "__dlpack__: stream, dl_device: got None and (2, 0), expected None and (1, 0)"),
])
def test_dlpack_refuses_what_a_cpu_has_not(kwargs, text):
    with pytest.raises(BufferError) as caught:
        grid().__dlpack__(**kwargs)
    assert text in str(caught.value)


def test_dlpack_refuses_negative_strides():
    back = Buffer.from_nested([1, 2, 3]).slice((2,), (-1,), (3,))
    with pytest.raises(BufferError, match=r"strides: got \(-1,\), expected none below 0; use copy=True"):
        back.__dlpack__()
    assert Buffer.from_dlpack(back.__dlpack__(copy=True)).tolist() == [3, 2, 1]
    assert Buffer.from_dlpack(back.slice((1,), (1,), (1,))).strides == (1,)     # a stride that is never used
    assert Buffer.from_dlpack(back.slice((0,), (1,), (0,))).tolist() == []


class Foreign:
    """A producer whose capsule is edited: what arrives from a library that is newer, odd or wrong."""

    def __init__(self, max_version=None, device=(1, 0), **changes):
        self.buffer, self.version, self.device, self.changes = grid(), max_version, device, changes

    def __dlpack_device__(self):
        return self.device

    def __dlpack__(self, *, max_version=None):
        capsule = self.buffer.__dlpack__(max_version=self.version)
        pointer = ctypes.pythonapi.PyCapsule_GetPointer
        pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
        struct = Versioned if self.version else Tensor
        found = struct.from_address(pointer(capsule, b"dltensor_versioned" if self.version else b"dltensor"))
        for name, value in self.changes.items():
            target = found if hasattr(found, name) else found.tensor
            setattr(target, name, value)
        return capsule


class Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32),
                ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8),
                ("lanes", ctypes.c_uint16), ("shape", ctypes.c_void_p), ("strides", ctypes.c_void_p),
                ("byte_offset", ctypes.c_uint64)]


class Versioned(ctypes.Structure):
    _fields_ = [("major", ctypes.c_uint32), ("minor", ctypes.c_uint32), ("context", ctypes.c_void_p),
                ("deleter", ctypes.c_void_p), ("flags", ctypes.c_uint64), ("tensor", Tensor)]


@pytest.mark.parametrize(("changes", "error", "text"), [
    ({"device": (2, 0)}, BufferError, "from_dlpack: device: got type 2, expected 1, the CPU"),
    ({"device_type": 2}, BufferError, "from_dlpack: device: got type 2, expected 1, the CPU"),
    ({"ndim": 9}, ValueError, "from_dlpack: shape: got 9 axes, expected at most 8"),
    ({"ndim": -1}, ValueError, "from_dlpack: shape: got -1 axes, expected at most 8"),
    ({"code": 5}, TypeError, "from_dlpack: type code 5 with 64 bits and 1 lanes has no dtype; expected bool, uint8"),
    ({"bits": 16}, TypeError, "from_dlpack: type code 0 with 16 bits and 1 lanes has no dtype"),
    ({"lanes": 4}, TypeError, "from_dlpack: type code 0 with 64 bits and 4 lanes has no dtype"),
    ({"max_version": (1, 0), "major": 2}, BufferError, "from_dlpack: version: got 2.0, expected 1"),
])
def test_dlpack_refuses_what_it_cannot_hold(changes, error, text):
    source = Foreign(**changes)
    before = sys.getrefcount(source.buffer)
    with pytest.raises(error) as caught:
        Buffer.from_dlpack(source)
    assert text in str(caught.value)
    del caught
    gc.collect()
    after = sys.getrefcount(source.buffer)
    assert after == before      # the refused capsule gave back what it held


def test_dlpack_reads_other_spellings():
    without_strides = Foreign(strides=None)
    assert Buffer.from_dlpack(without_strides).tolist() == grid().tolist()
    shifted = Foreign(ndim=0, byte_offset=16)
    assert Buffer.from_dlpack(shifted).item() == 3
    unaligned = Foreign(ndim=0, byte_offset=1)
    assert Buffer.from_dlpack(unaligned).item() == 2 << 56      # copied, as loops read aligned elements only
    assert not Buffer.from_dlpack(Foreign(max_version=(1, 0), flags=1)).overlaps(grid())


def test_dlpack_read_only_memory_is_copied():
    source = Foreign(max_version=(1, 0), flags=1)
    copied = Buffer.from_dlpack(source)
    assert copied.tolist() == source.buffer.tolist() and not copied.overlaps(source.buffer)
    assert Buffer.from_dlpack(Foreign(max_version=(1, 0), flags=0)).tolist() == copied.tolist()


def test_dlpack_asks_old_producers_again():
    class Old:
        def __dlpack__(self):
            return grid().__dlpack__()

        def __dlpack_device__(self):
            return 1, 0

    assert Buffer.from_dlpack(Old()).tolist() == grid().tolist()


def test_dlpack_needs_a_producer():
    with pytest.raises(TypeError, match=r"from_dlpack: got list, expected an object with __dlpack__\(\)"):
        Buffer.from_dlpack([1, 2])


@pytest.mark.parametrize("version", [None, (1, 0)])
def test_dlpack_lifetimes(version):
    gc.collect()
    before = memory_stats()["allocated_bytes"]
    buffer = Buffer.empty((100_000,), FLOAT64)
    size = memory_stats()["allocated_bytes"] - before

    def held():
        return (memory_stats()["allocated_bytes"] - before) // size

    assert held() == 1
    capsule = buffer.__dlpack__(max_version=version)
    del buffer
    assert held() == 1          # a capsule nobody took keeps it,
    del capsule
    assert held() == 0          # and gives it back
    buffer = Buffer.empty((100_000,), FLOAT64)
    capsule = buffer.__dlpack__(max_version=version)
    borrowed = Buffer.from_dlpack(capsule)
    del buffer, capsule
    view = borrowed.slice((5,), (1,), (1,))
    del borrowed
    assert held() == 1          # the consumer's view outlives producer and capsule
    del view
    assert held() == 0


# -------------------------------------------------------------------------------- NumPy, PyTorch

@pytest.mark.numpy
@pytest.mark.parametrize("code", range(6))
def test_numpy_shares_both_ways(code):
    numpy = pytest.importorskip("numpy")
    buffer = numbers(code)
    for made in (numpy.asarray(memoryview(buffer)), numpy.asarray(buffer), numpy.from_dlpack(buffer)):
        assert made.tolist() == VALUES[code] and made.ctypes.data == buffer.data_ptr
        assert made.dtype.name == ("bool", "uint8", "int32", "int64", "float32", "float64")[code]
        for borrowed in (Buffer.from_exporter(made), Buffer.from_dlpack(made)):
            assert (borrowed.dtype, borrowed.data_ptr, borrowed.tolist()) == (code, buffer.data_ptr, VALUES[code])


@pytest.mark.numpy
def test_numpy_strides_and_read_only():
    numpy = pytest.importorskip("numpy")
    source = numpy.arange(24.0).reshape(2, 3, 4)
    repeated = numpy.broadcast_to(source, (2, 2, 3, 4))
    for view in (source.transpose(2, 0, 1), source[:, ::-2, 1::2], source[1:1], repeated):
        for made in (Buffer.from_exporter(view), Buffer.from_exporter(view, True)):
            assert made.tolist() == view.tolist()
    assert numpy.asarray(Buffer.from_exporter(source).permute((2, 0, 1))).tolist() == source.transpose(2, 0, 1).tolist()
    source.flags.writeable = False
    for made in (Buffer.from_exporter(source), Buffer.from_dlpack(source)):
        assert made.tolist() == source.tolist() and made.data_ptr != source.ctypes.data
    record = numpy.zeros(3, dtype=[("flag", "u1"), ("value", "<f4")])
    record["value"] = [1, 2, 3]
    assert Buffer.from_exporter(record["value"]).tolist() == [1.0, 2.0, 3.0]    # stride 5: copied
    assert Buffer.from_nested([numpy.float32(1.5), numpy.int64(2), numpy.array(3)]).tolist() == [1.5, 2.0, 3.0]


@pytest.mark.torch
@pytest.mark.parametrize("code", range(6))
def test_torch_shares_both_ways(code):
    torch = pytest.importorskip("torch")
    buffer = numbers(code)
    made = torch.from_dlpack(buffer)
    assert made.tolist() == VALUES[code] and made.data_ptr() == buffer.data_ptr
    borrowed = Buffer.from_dlpack(made)
    assert (borrowed.dtype, borrowed.data_ptr, borrowed.tolist()) == (code, buffer.data_ptr, VALUES[code])
    del buffer, borrowed
    gc.collect()
    assert made.tolist() == VALUES[code]


@pytest.mark.torch
def test_torch_strides_lifetimes_and_refusals():
    torch = pytest.importorskip("torch")
    assert torch.from_dlpack(grid().permute((1, 0))).tolist() == [[1, 4], [2, 5], [3, 6]]
    assert torch.from_dlpack(grid().slice((0, 0), (1, 2), (2, 2))).tolist() == [[1, 3], [4, 6]]
    source = torch.arange(6.0).reshape(2, 3)
    borrowed = Buffer.from_dlpack(source.T)
    del source
    gc.collect()
    assert borrowed.tolist() == [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
    with pytest.raises(BufferError, match="expected none below 0"):
        torch.from_dlpack(Buffer.from_nested([1, 2]).slice((1,), (-1,), (2,)))
    with pytest.raises(TypeError, match="type code 2 with 16 bits"):
        Buffer.from_dlpack(torch.zeros(2, dtype=torch.float16))
