"""New tensors: values, dtypes and refusals."""

import array
import math

import pytest

import minigrad

TEXTS = """m.zeros(2, 3)|m.zeros((2, 3))|m.zeros([2])|m.zeros(())|m.ones(0)|m.ones(2, dtype=m.int32)|m.full((2,), 7)|
m.full((2, 1), 1.5)|m.full((), True)|m.full((2,), 3, dtype=m.float64)|m.arange(5)|m.arange(1, 4)|
m.arange(0, 1, 0.25)|m.arange(5.)|m.arange(5, 0, -2)|m.arange(0)|m.arange(3, dtype=m.float32)|m.arange(1, 2.5)|
m.arange(start=1, end=3, step=1)|m.linspace(0, 1, 5)|m.linspace(2, 2, 1)|m.linspace(0, 10, 0)|
m.linspace(-1, 1, steps=4)|m.linspace(0, 10, 4, dtype=m.int64)|m.eye(3)|m.eye(2, 3)|m.eye(0)|
m.eye(2, dtype=m.int64)|m.tensor([])|m.tensor([[1, 2], [3, 4]])|m.tensor([1, 2.5])|m.tensor(3)|m.tensor(True)|
m.tensor([True, False])|m.tensor([1, 2], dtype=m.float32)|m.tensor([1.7, -1.7], dtype=m.int32)|
m.tensor(((1, 2), (3, 4)))|m.tensor([m.tensor(1), m.tensor(2)])|m.tensor([[m.tensor(1.5), 2]])|
m.tensor([0, 2], dtype=m.bool)|m.zeros_like(m.ones(2, dtype=m.int32))|m.ones_like(m.zeros(2), dtype=m.bool)|
m.full_like(m.zeros(2, 2), 3)|m.as_tensor([1, 2])|m.as_tensor(2.5)|m.tensor(range(3))|m.zeros(2, device="cpu")|
m.ones(2, requires_grad=True)|m.tensor([], dtype=m.int64)|m.empty(2, 3).shape|m.empty((0,))|
m.nn.functional.one_hot(m.tensor([0, 2, 1]))|m.nn.functional.one_hot(m.tensor([[0], [1]]), 3)|
m.nn.functional.one_hot(m.tensor(1), num_classes=4)|m.tensor([2**31, -2**63])|m.arange(2**40, 2**40 + 2)|
m.full((2,), 2**40)|m.tensor(m.ones(2))|m.tril(m.ones(3, 3))|m.randn(2, 3).shape|m.rand(2).dtype|
m.randint(3, (2,)).dtype|m.randint(0, 5, (2, 3)).shape|m.randperm(4).dtype|m.zeros(size=(2, 3))|m.ones(size=(2,))|
m.empty(size=(1,)).shape|m.rand(size=(2, 3)).shape|m.randint(0, 3, size=(2,)).shape|m.randn(size=(4,)).shape|
m.randint(high=3, size=(2,)).shape|m.full(size=(2,), fill_value=1)|m.device("cpu").type|str(m.device("cpu"))|
m.zeros(2, device=m.device("cpu")).device.type"""
CALLS = [text.strip() for text in TEXTS.split("|")]


@pytest.mark.torch
@pytest.mark.parametrize("text", CALLS)
def test_creates_what_torch_creates(text):
    torch = pytest.importorskip("torch")
    from both import close, plain
    ours, theirs = (plain(eval(text, {"m": m})) for m in (minigrad, torch))
    assert close(ours, theirs, 1e-7), (ours, theirs)


@pytest.mark.parametrize("text, error, words", [
    ("m.zeros(-1)", ValueError, "zeros: size: got"),
    ("m.zeros(1.5)", TypeError, "zeros: size: got 1.5, expected an int"),
    ("m.zeros('a')", TypeError, "zeros: size"), ("m.zeros(*[1] * 9)", ValueError, "at most 8"),
    ("m.zeros(2, dtype='float32')", TypeError, "zeros: dtype: got 'float32'"),
    ("m.zeros(2, device='cuda')", ValueError, "zeros: device: got 'cuda', expected 'cpu'"),
    ("m.device('cuda')", ValueError, "expected 'cpu'"),
    ("m.ones(2, dtype=m.int64, requires_grad=True)", TypeError, "requires_grad: input: got dtype int64"),
    ("m.tensor([[1, 2], [3]])", ValueError, "tensor|nested"), ("m.tensor(['a'])", TypeError, "str"),
    ("m.tensor('a')", TypeError, "str"), ("m.tensor(None)", TypeError, "NoneType"),
    ("m.tensor(1j)", TypeError, "complex"),
    ("m.tensor([2**70])", ValueError, "out of range for int64"), ("m.tensor(300, dtype=m.uint8)",
    ValueError, "300"),
    ("m.arange(5, 0)", ValueError, "arange: step: got 1"), ("m.arange(0, 1, 0)", ValueError, "arange: step: got 0"),
    ("m.arange(float('nan'))", ValueError, "finite"), ("m.arange('a')", TypeError, "arange"),
    ("m.arange(2**62)", ValueError, "arange: size: got .* at most"),
    ("m.zeros(2**62)", ValueError, "zeros: size: got .* at most"),
    ("m.zeros(2**40, 2**40)", ValueError, "zeros: size: got .* at most"),
    ("m.zeros(10**30)", ValueError, "zeros: size: got .* at most"),
    ("m.linspace(0, 1, -1)", ValueError, "linspace: steps"), ("m.linspace(0, 1, 2.5)", TypeError, "linspace: steps"),
    ("m.eye(-1)", ValueError, "eye|zeros"), ("m.full((2,), 'a')", TypeError, "full"),
    ("m.full((2,), None)", TypeError, "full"),
    ("m.randint(3, 3, (2,))", ValueError, "randint: low and high: got 3 and 3"),
    ("m.randint(0.5, 3, (2,))", TypeError, "randint: low"), ("m.randperm(-1)", ValueError, "randperm: n"),
    ("m.rand(2, dtype=m.int64)", TypeError, "rand: dtype: got int64"),
    ("m.rand(2, generator=3)", TypeError, "generator"),
    ("m.bernoulli(m.tensor([2.]))", ValueError, "bernoulli: input: got probabilities"),
    ("m.bernoulli(m.tensor([1]))", TypeError, "bernoulli: input: got dtype int64"),
    ("m.bernoulli(0.5)", TypeError, "bernoulli: input: got float, expected a tensor"),
    ("m.normal(0., -1., (2,))", ValueError, "normal: std"), ("m.manual_seed(1.5)", TypeError, "manual_seed: seed"),
    ("m.nn.functional.one_hot(m.tensor([-1]))", IndexError, "got class -1"),
    ("m.nn.functional.one_hot(m.tensor([3]), 2)", IndexError, "got class 3"),
    ("m.nn.functional.one_hot(m.tensor([1.5]))", TypeError, "got dtype float32, expected int64"),
    ("m.zeros_like([1])", TypeError, "zeros_like: input: got list, expected a tensor"),
    ("m.from_numpy([1])", TypeError, "from_numpy"),
    ("m.from_dlpack([1])", TypeError, "from_dlpack: got list, expected an object with __dlpack__"),
    ("m.Tensor([1])", TypeError, "Tensor: buffer: got list, expected a Buffer")])
def test_refuses(text, error, words):
    with pytest.raises(error, match=words):
        eval(text, {"m": minigrad})


def test_random_numbers_follow_the_seed():
    def draws(generator=None):
        return [minigrad.rand(3, generator=generator).tolist(), minigrad.randn(2, generator=generator).tolist(),
                minigrad.randint(9, (4,), generator=generator).tolist(),
                minigrad.randperm(5, generator=generator).tolist(),
                minigrad.bernoulli(minigrad.full((4,), 0.5), generator=generator).tolist()]

    minigrad.manual_seed(3)
    first, second = draws(), draws()
    assert first != second
    minigrad.manual_seed(3)
    state = minigrad.get_rng_state()
    assert draws() == first and minigrad.initial_seed() == 3
    minigrad.set_rng_state(state)
    assert draws() == first
    own = minigrad.Generator().manual_seed(3)
    assert draws(own) == first and draws(own) == second


def test_random_numbers_have_their_distribution():
    minigrad.manual_seed(0)
    u, n = minigrad.rand(20000, dtype=minigrad.float64), minigrad.randn(20000, dtype=minigrad.float64)
    assert u.min().item() >= 0 and u.max().item() < 1
    assert abs(u.mean().item() - 0.5) < 0.01 and abs(u.var().item() - 1 / 12) < 0.003
    assert abs(n.mean().item()) < 0.03 and abs(n.std().item() - 1) < 0.02
    assert abs(minigrad.normal(3., 2., (20000,)).mean().item() - 3) < 0.05
    assert minigrad.normal(minigrad.tensor([0., 100.]), minigrad.tensor([0., 0.])).tolist() == [0, 100]
    drawn = minigrad.randint(-2, 3, (10000,))
    assert sorted(set(drawn.tolist())) == [-2, -1, 0, 1, 2]
    assert minigrad.randperm(100).tolist() != [*range(100)]
    assert sorted(minigrad.randperm(100).tolist()) == [*range(100)]
    assert abs(minigrad.bernoulli(minigrad.full((10000,), 0.25)).mean().item() - 0.25) < 0.02


@pytest.mark.parametrize("dtype", [minigrad.float32, minigrad.float64])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (5,), (3, 7), (2, 3, 5)])
def test_bernoulli_is_one_where_a_uniform_number_is_below_p(shape, dtype):
    def seeded():
        return minigrad.Generator().manual_seed(11)

    uniform = minigrad.rand(shape, generator=seeded(), dtype=dtype)
    chances = minigrad.arange(uniform.numel()).reshape(shape).to(dtype) * 5 % 9 / 8
    for chance in (chances, chances.flip(0), chances[..., :1].expand(shape)) if shape else (chances,):
        drawn = minigrad.bernoulli(chance, generator=seeded())
        assert drawn.dtype is dtype and drawn.tolist() == (uniform < chance).to(dtype).tolist()
    for p in (0.0, 0.25, 1.0):
        assert minigrad.bernoulli(chances, p, generator=seeded()).tolist() == (uniform < p).to(dtype).tolist()
    for kind in (minigrad.bool, minigrad.uint8, minigrad.int32, minigrad.int64):
        single = minigrad.rand(shape, generator=seeded())
        drawn = minigrad.bernoulli(chances.to(kind), 0.25, generator=seeded())
        assert drawn.dtype is kind and drawn.tolist() == (single < 0.25).to(kind).tolist()


def test_arange_has_no_accumulated_error():
    assert minigrad.arange(0, 1, 0.1, dtype=minigrad.float64).tolist() == [j * 0.1 for j in range(10)]
    assert minigrad.linspace(0, 1, 11, dtype=minigrad.float64).tolist()[-1] == 1
    assert math.isclose(minigrad.linspace(0, 1, 7).sum().item(), 3.5)


def test_tensor_copies_and_as_tensor_shares():
    numbers = array.array("d", [1, 2])
    copied, shared = minigrad.tensor(numbers), minigrad.as_tensor(numbers)
    numbers[0] = 9
    assert copied.tolist() == [1, 2] and shared.tolist() == [9, 2]
    assert copied.dtype is shared.dtype is minigrad.float64
    x = minigrad.ones(2)
    assert minigrad.as_tensor(x) is x and minigrad.as_tensor(x, dtype=minigrad.int64).tolist() == [1, 1]
