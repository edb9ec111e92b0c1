"""The tree of modules: registering, naming, saving, loading, converting, hooks and printing."""

import copy
import pickle
import re

import pytest

import minigrad
from minigrad import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.BatchNorm1d(4))
        self.head = nn.Linear(4, 2, bias=False)
        self.scale = nn.Parameter(minigrad.ones(1))
        self.register_buffer("offset", minigrad.zeros(2))
        self.register_buffer("scratch", minigrad.zeros(2), persistent=False)

    def forward(self, x):
        return self.head(self.body(x)) * self.scale + self.offset


KEYS = ["scale", "offset", "body.0.weight", "body.0.bias", "body.2.weight", "body.2.bias", "body.2.running_mean",
        "body.2.running_var", "body.2.num_batches_tracked", "head.weight"]


def names(pairs):
    return [name for name, _ in pairs]


def test_names_follow_registration():
    net = Net()
    assert names(net.named_parameters()) == ["scale", "body.0.weight", "body.0.bias", "body.2.weight", "body.2.bias",
                                             "head.weight"]
    assert names(net.named_buffers()) == ["offset", "scratch", "body.2.running_mean", "body.2.running_var",
                                          "body.2.num_batches_tracked"]
    assert names(net.named_children()) == ["body", "head"]
    assert names(net.named_modules()) == ["", "body", "body.0", "body.1", "body.2", "head"]
    assert names(net.named_parameters(prefix="net", recurse=False)) == ["net.scale"]
    assert list(net.state_dict()) == KEYS
    assert next(iter(net.state_dict(prefix="net."))) == "net.scale"


def test_a_shared_parameter_counts_once_and_is_saved_under_each_name():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    assert names(net.named_parameters()) == ["0.weight", "0.bias", "1.bias"]
    assert names(net.named_parameters(remove_duplicate=False)) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert list(net.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    layer = nn.ReLU()
    twice = nn.Sequential(layer, layer)
    assert names(twice.named_modules()) == ["", "0"]
    assert len(list(twice.children())) == 1 and len(twice) == 2


def test_get_by_path():
    net = Net()
    assert net.get_submodule("body.0") is net.body[0]
    assert net.get_submodule("") is net
    assert net.get_parameter("body.0.weight") is net.body[0].weight
    assert net.get_buffer("body.2.running_var") is net.body[2].running_var
    for get, path in ((net.get_submodule, "body.7"), (net.get_parameter, "offset"), (net.get_buffer, "scale"),
                      (net.get_parameter, "head.bias"), (net.get_submodule, "scale")):
        with pytest.raises(AttributeError, match=path.split(".")[-1]):
            get(path)


def test_assignment_keeps_the_kind():
    net = Net()
    with pytest.raises(TypeError, match="parameter 'scale': got Tensor, expected a Parameter"):
        net.scale = minigrad.ones(1)
    with pytest.raises(TypeError, match="module 'head': got int, expected a Module"):
        net.head = 3
    with pytest.raises(TypeError, match="buffer 'offset': got list, expected a Tensor"):
        net.offset = [0.0, 0.0]
    net.scale = None
    assert "scale" not in names(net.named_parameters()) and net.scale is None
    net.scale = nn.Parameter(minigrad.zeros(1))
    assert names(net.named_parameters())[0] == "scale"
    net.offset = minigrad.ones(2)
    assert net.state_dict()["offset"].tolist() == [1.0, 1.0]
    del net.scale
    assert not hasattr(net, "scale") and "scale" not in names(net.named_parameters())
    net.head = nn.Parameter(minigrad.zeros(1))                      # a new kind under an old name
    assert "head" in names(net.named_parameters()) and "head" not in names(net.named_children())
    net.plain = minigrad.ones(2)
    assert "plain" not in net.state_dict()


def test_registration_errors():
    class Early(nn.Module):
        def __init__(self):
            self.layer = nn.ReLU()

    with pytest.raises(AttributeError, match=r"super\(\).__init__"):
        Early()
    module = nn.Module()
    for name in ("", "a.b"):
        with pytest.raises(KeyError, match="no dot"):
            module.register_buffer(name, None)
    with pytest.raises(KeyError, match="got 'forward', expected one that no other attribute has"):
        module.add_module("forward", nn.ReLU())
    with pytest.raises(TypeError, match="got Tensor, expected a Parameter"):
        module.register_parameter("p", minigrad.ones(1))
    with pytest.raises(TypeError, match="got int, expected a Tensor"):
        module.register_buffer("b", 1)
    with pytest.raises(TypeError, match="got int, expected a Module"):
        module.add_module("m", 1)
    with pytest.raises(TypeError, match="expected a floating-point dtype"):
        nn.Parameter(minigrad.tensor([1]))
    with pytest.raises(NotImplementedError, match="forward"):
        module(1)


def test_state_dict_is_detached_and_shares_memory():
    layer = nn.Linear(2, 1)
    state = layer.state_dict()
    assert not state["weight"].requires_grad
    state["weight"].fill_(7.0)
    assert layer.weight.tolist() == [[7.0, 7.0]]
    assert layer.state_dict(keep_vars=True)["weight"] is layer.weight


def test_load_state_dict():
    a, b = Net(), Net()
    weight = b.head.weight
    assert repr(b.load_state_dict(a.state_dict())) == "<All keys matched successfully>"
    assert b.head.weight is weight
    assert all(x.tolist() == y.tolist() for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))
    assert b.body[2].num_batches_tracked.dtype is minigrad.int64


def test_load_state_dict_lists_everything_wrong_and_loads_nothing():
    net = Net()
    before = {name: tensor.tolist() for name, tensor in net.state_dict().items()}
    bad = {name: minigrad.full_like(tensor, 5) for name, tensor in net.state_dict().items()}
    bad["head.weight"] = minigrad.zeros(3, 4)
    bad["extra"] = minigrad.zeros(1)
    del bad["body.0.bias"]
    with pytest.raises(ValueError) as caught:
        net.load_state_dict(bad)
    for text in ("does not fit Net", "unexpected keys: extra", "missing keys: body.0.bias",
                 "head.weight: got shape (3, 4), expected (2, 4)"):
        assert text in str(caught.value)
    with pytest.raises(ValueError, match=r"head.weight: got shape \(3, 4\)"):
        net.load_state_dict(bad, strict=False)
    with pytest.raises(TypeError, match="scale: got str"):
        net.load_state_dict({**net.state_dict(), "scale": "x"})
    with pytest.raises(TypeError, match="got list, expected a mapping"):
        net.load_state_dict([])
    assert {name: tensor.tolist() for name, tensor in net.state_dict().items()} == before
    del bad["head.weight"]
    report = net.load_state_dict(bad, strict=False)
    assert report.missing_keys == ["body.0.bias", "head.weight"] and report.unexpected_keys == ["extra"]
    assert net.scale.tolist() == [5.0]


def test_train_eval_apply_freeze_zero_grad():
    net = Net()
    assert net.eval() is net and not any(module.training for module in net.modules())
    assert net.train() is net and all(module.training for module in net.modules())
    seen = []
    assert net.apply(lambda module: seen.append(type(module).__name__)) is net
    assert seen == ["Linear", "ReLU", "BatchNorm1d", "Sequential", "Linear", "Net"]
    net(minigrad.rand(5, 3)).sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())
    net.zero_grad(set_to_none=False)
    assert net.head.weight.grad.tolist() == [[0.0] * 4] * 2
    net.zero_grad()
    assert all(parameter.grad is None for parameter in net.parameters())
    net.requires_grad_(False)
    assert not net(minigrad.rand(5, 3)).requires_grad


def test_conversion():
    net = Net()
    weight = net.head.weight
    net(minigrad.rand(5, 3)).sum().backward()
    assert net.double() is net and net.head.weight is weight
    assert weight.dtype is weight.grad.dtype is net.offset.dtype is minigrad.float64
    assert weight.requires_grad and weight.grad_fn is None
    assert net.body[2].num_batches_tracked.dtype is minigrad.int64
    assert net(minigrad.rand(5, 3, dtype=minigrad.float64)).dtype is minigrad.float64
    assert net.to("cpu", minigrad.float32).cpu().head.weight.dtype is minigrad.float32
    assert net.to(minigrad.zeros(1, dtype=minigrad.float64)).scale.dtype is minigrad.float64
    assert net.float().to("cpu") is net and net.scale.dtype is minigrad.float32
    with pytest.raises(TypeError, match="floating-point"):
        net.to(minigrad.int64)
    with pytest.raises(ValueError, match="cuda"):
        net.to("cuda")


def test_conversion_keeps_sharing():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    net.double()
    assert net[1].weight is net[0].weight and net[0].weight.dtype is minigrad.float64


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))],
                         ids=["deepcopy", "pickle"])
def test_copies_are_complete_and_independent(duplicate):
    net = Net()
    net.tied = net.head
    x = minigrad.rand(5, 3)
    net(x).sum().backward()
    twin = duplicate(net)
    assert twin.tied is twin.head and twin.head is not net.head
    assert isinstance(twin.scale, nn.Parameter) and twin.scale.requires_grad
    assert list(twin.state_dict()) == list(net.state_dict())
    net.eval(), twin.eval()
    assert twin(x).tolist() == net(x).tolist()
    twin.scale.data.fill_(3.0)
    assert net.scale.tolist() == [1.0]


def test_hooks():
    layer, seen = nn.ReLU(), []
    x = minigrad.tensor([-1.0, 2.0])
    before = layer.register_forward_pre_hook(lambda module, args: (args[0] * 10,))
    after = layer.register_forward_hook(lambda module, args, output: seen.append(output.tolist()))
    assert layer(x).tolist() == [0.0, 20.0] and seen == [[0.0, 20.0]]
    with before:
        pass
    replace = layer.register_forward_hook(lambda module, args, output: output + 1)
    first = layer.register_forward_hook(lambda module, args, output: output * 100, prepend=True)
    assert layer(x).tolist() == [1.0, 201.0] and seen[-1] == [0.0, 200.0]
    for handle in (after, replace, first, first):
        handle.remove()
    assert layer(x).tolist() == [0.0, 2.0] and len(seen) == 2
    with pytest.raises(TypeError, match="callable"):
        layer.register_forward_hook(3)


def test_hooks_with_kwargs():
    class Scale(nn.Module):
        def forward(self, x, factor=1.0):
            return x * factor

    module, seen = Scale(), []
    module.register_forward_pre_hook(lambda m, args, kwargs: (args, {"factor": kwargs["factor"] + 1}), with_kwargs=True)
    module.register_forward_hook(lambda m, args, kwargs, output: seen.append(kwargs), with_kwargs=True)
    assert module(minigrad.ones(1), factor=2.0).tolist() == [3.0] and seen == [{"factor": 3.0}]
    module.register_forward_pre_hook(lambda m, args, kwargs: 1, with_kwargs=True)
    with pytest.raises(TypeError, match="expected None or a tuple"):
        module(minigrad.ones(1), factor=2.0)


def test_repr():
    assert repr(Net()) == """Net(
  (body): Sequential(
    (0): Linear(in_features=3, out_features=4, bias=True)
    (1): ReLU()
    (2): BatchNorm1d(4, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
  )
  (head): Linear(in_features=4, out_features=2, bias=False)
)"""
    assert repr(nn.Module()) == "Module()"


def test_sequential_is_a_list():
    a, b, c, d = nn.ReLU(), nn.Tanh(), nn.Sigmoid(), nn.Flatten()
    row = nn.Sequential(a, b, c)
    assert len(row) == 3 and row[0] is a and row[-1] is c and list(row) == [a, b, c] and b in row and d not in row
    assert names(row[1:].named_children()) == ["1", "2"]
    tail = row[1:].append(d)
    assert list(tail) == [b, c, d]
    assert row.append(d) is row and row.pop() is d
    row[1] = d
    assert list(row) == [a, d, c]
    row.insert(1, b)
    del row[0]
    assert list(row) == [b, d, c] and names(row.named_children()) == ["0", "1", "2"]
    assert list(row.__add__([a])) == [b, d, c, a] and len(row) == 3
    assert list(row.extend([a])) == [b, d, c, a]
    del row[1:3]
    assert list(row) == [b, a]
    for wrong in (2, -3):
        with pytest.raises(IndexError, match=r"index: got -?[23], expected one of 2 modules"):
            row[wrong]
    with pytest.raises(TypeError, match="expected a Module"):
        nn.Sequential(lambda x: x)
    with pytest.raises(TypeError, match="got int"):
        row.insert(0, 1)


def test_sequential_with_names():
    row = nn.Sequential({"first": nn.Linear(2, 3), "then": nn.ReLU()})
    assert list(row.state_dict()) == ["first.weight", "first.bias"]
    assert row.first is row[0] and row(minigrad.zeros(1, 2)).shape == (1, 3)
    assert names(row[:1].named_children()) == ["first"]


def test_module_list_and_dict():
    layers = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)])
    assert repr(layers) == """ModuleList(
  (0-1): 2 x Linear(in_features=2, out_features=2, bias=True)
  (2): ReLU()
  (3): Linear(in_features=2, out_features=2, bias=True)
)"""
    assert len(list(layers.parameters())) == 6 and names(layers[2:].named_children()) == ["0", "1"]
    assert repr(nn.ModuleList()) == "ModuleList()"
    with pytest.raises(NotImplementedError):
        layers(1)
    table = nn.ModuleDict({"a": nn.ReLU()})
    table["b"] = nn.Linear(1, 1)
    table.update([("c", nn.Tanh())])
    assert list(table) == ["a", "b", "c"] and "b" in table and len(table) == 3
    assert table.pop("b").in_features == 1 and list(table.state_dict()) == []
    with pytest.raises(KeyError):
        table["b"]
    with pytest.raises(KeyError):
        table["training"]
    table.clear()
    assert len(table) == 0


def test_parameter_shares_memory():
    data = minigrad.zeros(2)
    parameter = nn.Parameter(data)
    data.fill_(1.0)
    assert parameter.tolist() == [1.0, 1.0] and not data.requires_grad
    assert not nn.Parameter(minigrad.tensor([1]), requires_grad=False).requires_grad
    assert repr(parameter).startswith("Parameter containing:\ntensor(")


def test_clip_grad_norm():
    parameters = [nn.Parameter(minigrad.zeros(2)), nn.Parameter(minigrad.zeros(1)), nn.Parameter(minigrad.zeros(1))]
    parameters[0].grad = minigrad.tensor([2.0, -3.0])
    parameters[1].grad = minigrad.tensor([6.0])
    assert nn.utils.clip_grad_norm_(parameters, 70.0).item() == pytest.approx(7.0)
    assert parameters[0].grad.tolist() == [2.0, -3.0]
    assert nn.utils.clip_grad_norm_(parameters, 3.5).item() == pytest.approx(7.0)
    assert parameters[0].grad.tolist() == pytest.approx([1.0, -1.5])
    assert nn.utils.clip_grad_norm_(parameters, 1.0, norm_type=float("inf")).item() == pytest.approx(3.0)
    assert parameters[1].grad.tolist() == pytest.approx([1.0])
    assert nn.utils.clip_grad_norm_(parameters[2], 1.0).item() == 0.0
    nn.utils.clip_grad_value_(parameters, 0.25)
    assert parameters[0].grad.tolist() == [0.25, -0.25]
    parameters[1].grad = minigrad.tensor([float("nan")])
    with pytest.raises(ValueError, match="norm_type: got 0"):
        nn.utils.clip_grad_norm_(parameters, 1.0, norm_type=0)
    with pytest.raises(ValueError, match="nan"):
        nn.utils.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)


def test_clipping_gradients_that_backward_shares():
    """The gradients of a + b may be one tensor, and that of a sum one number repeated: each is scaled once."""
    a, b = nn.Parameter(minigrad.zeros(4)), nn.Parameter(minigrad.zeros(4))
    (a + b).sum().backward()
    nn.utils.clip_grad_norm_([a, b], 2 ** -0.5)
    assert a.grad.tolist() == pytest.approx([0.25] * 4) == b.grad.tolist()
    a.grad = b.grad = None
    (a + b).sum().backward()
    nn.utils.clip_grad_value_([a, b], 0.5)
    assert a.grad.tolist() == [0.5] * 4 == b.grad.tolist()


def test_parameter_vector():
    layer = nn.Linear(2, 2)
    vector = nn.utils.parameters_to_vector(layer.parameters())
    assert vector.tolist() == [*layer.weight.flatten().tolist(), *layer.bias.tolist()]
    nn.utils.vector_to_parameters(minigrad.arange(6.0), layer.parameters())
    assert layer.weight.tolist() == [[0.0, 1.0], [2.0, 3.0]] and layer.bias.tolist() == [4.0, 5.0]
    with pytest.raises(ValueError, match=r"got shape \(5,\), expected \(6,\)"):
        nn.utils.vector_to_parameters(minigrad.zeros(5), layer.parameters())
    with pytest.raises(ValueError, match="at least one"):
        nn.utils.parameters_to_vector([])


@pytest.mark.torch
def test_repr_and_state_dict_are_pytorchs():
    torch = pytest.importorskip("torch")

    def build(lib):
        nn = lib.nn
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
            nn.MaxPool2d(2), nn.AvgPool2d(2, stride=1), nn.AvgPool1d(2), nn.MaxPool3d((1, 2, 2), ceil_mode=True),
            nn.ConvTranspose2d(4, 2, 3, stride=2, output_padding=1, groups=2, dilation=2, bias=False),
            nn.Conv3d(2, 4, (1, 2, 3), padding="same"), nn.Flatten(), nn.Unflatten(1, (2, 3)), nn.Identity(3),
            nn.Dropout(0.25), nn.Softmax(dim=1), nn.LogSoftmax(1), nn.Tanh(), nn.Sigmoid(), nn.CrossEntropyLoss(),
            nn.ModuleList([nn.Linear(2, 3)] * 3 + [nn.ModuleDict({"a": nn.Linear(1, 1, bias=False)})]),
            nn.ModuleList(), nn.Sequential(), nn.BatchNorm1d(3, affine=False, momentum=None),
            nn.BatchNorm3d(3, track_running_stats=False), nn.MSELoss(), nn.NLLLoss(),
        )

    ours, theirs = build(minigrad), build(torch)
    since_2_13 = ", bias=(True|False)(?=, track)"        # that a normalisation prints its bias
    assert re.sub(since_2_13, "", repr(ours)) == re.sub(since_2_13, "", repr(theirs))
    mine, other = ours.state_dict(), theirs.state_dict()
    assert list(mine) == list(other)
    assert [tuple(t.shape) for t in mine.values()] == [tuple(t.shape) for t in other.values()]
    assert repr(ours.load_state_dict(other)) == "<All keys matched successfully>"
    theirs.load_state_dict({name: torch.from_dlpack(tensor) for name, tensor in ours.state_dict().items()})
    assert all(mine[name].tolist() == other[name].tolist() for name in mine)
