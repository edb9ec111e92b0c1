"""Captured graphs as text and pictures: exact for small ones, and whole for a network's training step."""

import itertools
import re
import xml.etree.ElementTree as ElementTree

import pytest
from networks import NETWORKS, training_step

import minigrad
from minigrad import draw, nn, optim
from minigrad.capture.passes import PASSES
from minigrad.capture.show import lines
from minigrad.draw.graph import placed
from minigrad.models.lenet import LeNet
from minigrad.nn import functional as F


def captured(function, *args, **kwargs):
    return minigrad.compile(function).captured(args, kwargs)


def shown(function, *args):
    return captured(function, *args).graph.text()


def test_a_small_function():
    assert shown(lambda x, w: (x @ w.t() + 0.5).relu(), minigrad.rand(2, 3), minigrad.rand(4, 3)) == """\
inputs %x: float32[2,3], %w: float32[4,3]
  %0: float32[3,4] = permute(%w)  axes (1, 0), view
  %1: float32[2,4] = matmul(%x, %0)
  %2: float32[2,4] = add(%1, 0.5)
  %3: float32[2,4] = relu(%2)
return %3"""


def test_its_gradient():
    def loss(w, x):
        (w * x).tanh().sum().backward()

    assert shown(loss, minigrad.rand(3, requires_grad=True), minigrad.rand(2, 3)) == """\
inputs %w: float32[3], %x: float32[2,3]
forward
  %0: float32[2,3] = mul(%w, %x)
  %1: float32[2,3] = tanh(%0)
backward
  %2: float32[2,3] = expand(1.0)  view, transpose of sum_to
  %3: float32[2,3] = tanh_pull(%2, %1)  pulls %1 tanh
  %4: float32[2,3] = mul(%3, %x)  pulls %0 mul
  %5: float32[3] = sum_to(%4)  pulls %0 mul -> %w.grad"""


def test_an_optimiser_s_step():
    layer = nn.Linear(3, 2)
    optimizer = optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)

    def step(x):
        layer(x).sum().backward()
        optimizer.step()

    assert shown(step, minigrad.rand(4, 3)) == """\
inputs %x: float32[4,3]
outside %weight: float32[2,3], %bias: float32[2]
backward
  %0: float32[4,2] = expand(1.0)  view, transpose of sum_to
  %1: float32[2,4] = permute(%0)  axes (1, 0), view, pulls linear
  %2: float32[2,3] = matmul(%1, %x)  pulls linear -> %weight.grad
  %3: float32[2] = copy([4.0, 4.0]) -> %bias.grad
update
  %4: float32[2,3] = sgd(%weight, %2, %weight.momentum_buffer)  writes operands 0, 2, numbers of each call
  %5: float32[2] = sgd(%bias, %3, %bias.momentum_buffer)  writes operands 0, 2, numbers of each call"""


def test_what_is_written_in_place_has_a_new_name():
    def f(x, n):
        y = x.exp()
        row = y[0]
        y.mul_(n["scale"])
        row.add_(1)
        return y, row

    assert shown(f, minigrad.rand(2, 3), {"scale": minigrad.rand(3)}) == """\
inputs %x: float32[2,3], %n.scale: float32[3]
  %0: float32[2,3] = exp(%x)
  %1: float32[1,3] = slice(%0)  starts (0, 0), steps (1, 1), view
  %2: float32[3] = reshape(%1)  view
  %3: float32[2,3] = mul(%0, %n.scale)  writes operand 0
  %4: float32[3] = add(%3 as [3], 1.0)  writes operand 0
return %4 as [2,3], %4"""


def test_batch_norm_and_dropout():
    model = nn.Sequential(nn.BatchNorm2d(2), nn.Dropout(0.5))

    def loss(x):
        model(x).square().sum().backward()

    lines = shown(loss, minigrad.rand(2, 2, 3, 3)).split("forward\n")[1].splitlines()
    assert lines[0] == ("  %0: float32[2,2,3,3] = normalize_tracking(%x, %model.0.weight, %model.0.bias, "
                        "%model.0.running_mean, %model.0.running_var)  writes operands 3, 4")
    assert lines[1].startswith("  %1: int64[] = add(%model.0.num_batches_tracked, ")     # 1, which is kept for all
    assert lines[1].endswith("  writes operand 0")
    assert lines[2] == "  %2: float32[2,2,3,3] = mask()  numbers of each call"
    assert "normalize_pull(" in lines[-1]
    assert lines[-1].endswith("pulls %0 normalize_tracking -> %model.0.weight.grad -> %model.0.bias.grad")


def test_constants_are_shown_by_value_where_they_are_few():
    table = minigrad.arange(10.0)

    def f(x):
        return x * minigrad.tensor([1.0, 0.1]) + minigrad.tensor(2) + minigrad.arange(6.0).view(3, 2) + table[:2]

    text = shown(f, minigrad.ones(3, 2))
    assert "mul(%x, [1.0, 0.1])" in text and ", 2.0)" in text
    assert "%table: float32[10]" in text and "float32[6]" in text and "%constant" in text


# What passes make of a graph, and the plan ---------------------------------------------------------------------------

def lenet_step(batch=4):
    model = LeNet((1, 28, 28), 10)
    optimizer = optim.Adam(model.parameters())

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return minigrad.compile(step), (minigrad.rand(batch, 1, 28, 28), minigrad.arange(batch))


def test_lenet_reads_as_it_is_computed():
    step, args = lenet_step()
    text = step.explain(*args).graph.text()
    forward, rest = text.split("\nbackward\n")
    backward, update = rest.split("\nupdate\n")
    assert "conv(%x, %features.0.weight, %features.0.bias)  k 5, p 2, then relu" in forward
    assert "linear(" in forward and "class_loss(" in forward and "pulls" not in forward
    assert all("pulls" in line or "transpose of" in line for line in backward.splitlines())
    assert "conv_weight(%x, " in backward and "transpose of %0 conv -> %features.0.weight.grad" in backward
    assert update.count("= adam(") == 10 and "%classifier.5.bias.exp_avg_sq" in update
    assert text.splitlines()[-1] == f"return {forward.splitlines()[-1].split(':')[0].strip()}"


def test_an_explanation_tells_of_each_pass():
    step, args = lenet_step()
    explanation = step.explain(*args)
    text = str(explanation)
    assert [stage.name for stage in explanation.stages] == ["traced", *[done.__name__ for done in PASSES]]
    assert all(f"\n{done.__name__}: " in text for done in PASSES)
    assert re.search(r"\n- %\d+: float32\[10\] = copy\(%\d+\) -> %classifier\.5\.bias\.grad\n", text)       # elided
    assert re.search(r"\n- %1: float32\[4,6,28,28\] = relu\(%0\)\n", text)                                  # fused
    assert re.search(r"\n\+ %0: .*, then relu\n", text)
    memory = explanation.memory
    assert f"an arena of {memory.nbytes:,} bytes, where {memory.bound:,} live at once" in text
    assert len(explanation.steps) == len(explanation.graph.launches)


def test_lines_keep_their_numbers_through_the_passes():
    explanation = minigrad.compile(lambda x: x.exp() * 1 + x).explain(minigrad.ones(3))
    left = str(explanation).split("what is left\n")[1].split("\n\n")[0]
    assert left == """\
inputs %x: float32[3]
  %0: float32[3] = exp(%x)
  %2: float32[3] = add(%0, %x)
return %2"""


def test_the_way_back_of_a_model_reads_like_the_rest():
    model = minigrad.compile(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(18, 2)))
    text = str(model.explain(minigrad.rand(1, 1, 5, 5)))
    assert "\nreturn %3\nkeep for the way back %0\n" in text
    back = text.split("the way back of a result, planned for itself\n")[1].split("\n\nplan")[0]
    assert back.splitlines()[0] == "inputs %input: float32[1,1,5,5], %cotangent: float32[1,2], %kept2: uint8[72]"
    assert "matmul(%cotangent, %model.3.weight)  pulls linear" in back
    assert "relu_pull(%4, %kept2 as [1,2,3,3])  pulls relu" in back
    assert "conv_weight(%input, %5)  k 3, transpose of conv\nreturn " in back


def test_explaining_changes_nothing():
    step, args = lenet_step()
    step.explain(*args)
    assert not step.captures and not step.__wrapped__.__closure__[-1].cell_contents.state_dict()["state"][0].get("step")


def test_steps_say_what_they_move_and_compute():
    def f(x, w, a, b):
        y = F.conv2d(x, w, stride=2, groups=2)
        return y, F.conv_transpose2d(y, w, stride=2, groups=2), a @ b, F.linear(a, b.t()), a.exp() + b.sum()

    args = [minigrad.rand(*shape) for shape in ((2, 4, 9, 9), (6, 2, 3, 3), (5, 7), (7, 3))]
    steps = {step.op: step for step in minigrad.compile(f).explain(*args).steps}
    assert steps["conv"].flops == steps["conv_transpose"].flops == 2 * (2 * 6 * 4 * 4) * (2 * 3 * 3)
    assert steps["matmul"].flops == steps["linear"].flops == 2 * 5 * 7 * 3
    assert steps["exp"].flops == 35 and steps["exp"].nbytes == 2 * 35 * 4
    assert steps["add"].nbytes == (35 + 1 + 35) * 4 and steps["add"].result == "float32[5,7]"
    assert steps["conv"].place == "result" and steps["exp"].place == "arena 0"


def test_what_is_repeated_is_read_once():
    (step,) = minigrad.compile(lambda x, w: x + w.expand(5, 7)).explain(minigrad.rand(5, 7), minigrad.rand(7)).steps
    assert step.nbytes == (35 + 7 + 35) * 4


def test_weight_gradients_cost_what_the_convolution_does():
    def f(x, w):
        return minigrad.func.grad(lambda w: F.conv2d(x, w, padding=1).square().sum())(w)

    steps = {step.op: step for step in minigrad.compile(f).explain(minigrad.rand(2, 3, 8, 8), minigrad.rand(5, 3, 3, 3)
                                                                   ).steps}
    assert steps["conv_weight"].flops == steps["conv"].flops == 2 * (2 * 5 * 8 * 8) * (3 * 3 * 3)
    assert steps["conv_weight"].phase == "backward" and steps["conv"].phase == "forward"


def test_a_profile_is_made_of_calls():
    step, args = lenet_step()
    profile = step.profile(*args, runs=3)
    optimizer = step.__wrapped__.__closure__[-1].cell_contents
    assert {state["step"] for state in optimizer.state.values()} == {8}
    assert len(profile.times) == len(profile.steps) == len(step.captures[0].graph.launches)
    assert all(time >= 0 for time in profile.times) and profile.call > 0
    lines = str(profile).splitlines()
    assert lines[1].split() == ["line", "op", "result", "phase", "us", "share", "GF/s", "GB/s"]
    spent = [float(line.split()[4]) for line in lines[2:]]
    assert len(spent) == len(profile.steps) and spent == sorted(spent, reverse=True)
    assert step.captures[0].plan.clocked is None


def test_a_profile_needs_runs():
    with pytest.raises(ValueError, match="profile: runs: got 0, expected an int above 0"):
        minigrad.compile(minigrad.exp).profile(minigrad.ones(1), runs=0)


# Pictures -------------------------------------------------------------------------------------------------------------

def test_dot_names_each_line_once_and_joins_them():
    step, args = lenet_step()
    graph = step.explain(*args).graph
    text = graph.dot()
    nodes = re.findall(r'^  ("%\d+") \[label="[^"]*", style="(?:solid|dashed)(?:,filled)?", class=\w+\]$', text, re.M)
    edges = re.findall(r'^  ("%\d+") -> ("%\d+")$', text, re.M)
    ranks = re.findall(r'^  \{rank=same; ("%\d+"); ("%\d+")\}$', text, re.M)
    assert text.startswith("digraph {\n") and text.endswith("\n}") and text.count("{") == text.count("}")
    assert len(text.splitlines()) == 3 + len(nodes) + len(edges) + len(ranks)
    assert len(set(nodes)) == len(nodes) == len(lines(graph)) and ranks
    assert {end for pair in (*edges, *ranks) for end in pair} <= set(nodes)


SVG = "{http://www.w3.org/2000/svg}"


def drawn(graph):
    """(boxes, texts, routes) of a picture in numbers."""
    root = ElementTree.fromstring(draw.graph(graph, "title").svg())
    head = 76
    rects = [tuple(float(node.get(key)) for key in ("x", "y", "width", "height"))
             for node in root.iter(f"{SVG}rect") if node.get("x")]
    texts = [(float(node.get("x")), float(node.get("y")), len(node.text)) for node in root.iter(f"{SVG}text")]
    paths = [[tuple(map(float, point.split())) for point in node.get("d")[1:].split("L")]
             for node in root.iter(f"{SVG}path") if "Z" not in node.get("d")]
    size = float(root.get("width")), float(root.get("height"))
    return ([r for r in rects if r[1] >= head], [t for t in texts if t[1] >= head],
            [path for path in paths if path[0][1] >= head], size)


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_overlaps_in_a_picture(name):
    graph = minigrad.compile(training_step(minigrad, name, 2)).explain().graph
    boxes, texts, routes, (width, height) = drawn(graph)
    assert len(boxes) == len(lines(graph))
    for at, (x, y, w, h) in enumerate(boxes):
        assert x >= 0 and y >= 0 and x + w <= width and y + h <= height
        assert not any(x < x2 + w2 and x2 < x + w and y < y2 + h2 and y2 < y + h for x2, y2, w2, h2 in boxes[:at])
    for x, y, letters in texts:
        assert any(bx < x and x + 6.62 * letters < bx + w and by < y < by + h for bx, by, w, h in boxes)
    for route in routes:
        for (x1, y1), (x2, y2) in itertools.pairwise(route):
            assert x1 == x2 or y1 == y2
            assert not any(max(x1, x2) > x and min(x1, x2) < x + w and max(y1, y2) > y and min(y1, y2) < y + h
                           for x, y, w, h in boxes), (route, "runs through a box")


def test_what_pulls_a_line_stands_beside_it():
    graph = minigrad.compile(training_step(minigrad, "LeNet", 2)).explain().graph
    boxes = placed(lines(graph))
    pulling = [box for line, box in boxes.items() if line.pulled]
    assert pulling and all(box.row == boxes[box.line.pulled].row and box.column > boxes[box.line.pulled].column
                           for box in pulling)


def second_order(x, g, v, w):
    y = nn.functional.conv2d(x, w, padding=1).relu()
    (slope,) = minigrad.autograd.grad(y, x, g, create_graph=True)
    slope.backward(v, inputs=[w])
    return slope


def test_a_picture_of_second_order_tells_the_passes_apart():
    x, w = (minigrad.rand(*shape, requires_grad=True) for shape in ((2, 3, 8, 8), (4, 3, 3, 3)))
    g, v = minigrad.rand(2, 4, 8, 8), minigrad.rand(2, 3, 8, 8)
    graph = minigrad.compile(second_order).explain(x, g, v, w).graph
    found = [(box.phase, box.line.op) for box in placed(lines(graph)).values() if not box.line.is_view]
    assert found[:4] == [("forward", "conv"), ("backward", "relu_pull"), ("backward", "conv_transpose"),
                         ("backward of backward", "conv_weight")]
    assert {phase for phase, _ in found[3:]} == {"backward of backward"}
    words = [node.text for node in ElementTree.fromstring(draw.graph(graph).svg()).iter(f"{SVG}text")]
    assert {"forward", "backward", "backward of backward", "transpose of %0", "transpose of %2"} <= set(words)
    assert "update" not in words

    # What only gradients read is forward all the same when it reads what is given.
    def slope_alone(x, w, g):
        return minigrad.autograd.grad(nn.functional.conv2d(x, w).tanh(), w, g)[0]
    graph = minigrad.compile(slope_alone).explain(x, w, minigrad.rand(2, 4, 6, 6)).graph
    assert [(box.phase, box.line.op) for box in placed(lines(graph)).values()] == [
        ("forward", "conv"), ("backward", "tanh_pull"), ("backward", "conv_weight")]


def test_a_picture_of_nothing():
    assert "captured graph" in draw.graph(minigrad.compile(lambda: 1).explain().graph).svg()
