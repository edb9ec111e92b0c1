"""The commands that take a MODEL, and the examples of every command's help: run in this process."""

import json
import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest
from idx_files import write_idx

import minigrad
from minigrad import models, nn
from minigrad.arithmetic import receptive_field, summary
from minigrad.cli.main import main, parser

NET = '''
from minigrad import nn
from beside import WIDTH

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, WIDTH, 3)
        self.head = nn.Linear(WIDTH, 3)
        self.twice = nn.Tanh()

    def forward(self, x):
        return self.head(self.twice(self.twice(self.conv(x))).mean(-1))

net = Net()
number = 3

def of_shape(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1], classes))

def gives_number():
    return 3

def takes_three(a, b, c):
    pass

def broken():
    return 1 / 0

maps = nn.Conv1d(2, 1, 3)

class Looks(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """net.py with its neighbour, and two runs of one epoch."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "net.py").write_text(NET)
    (folder / "beside.py").write_text("WIDTH = 4\n")
    pixels = minigrad.randint(0, 256, (50, 12, 12)).to(minigrad.uint8)
    (folder / "mnist").mkdir()
    write_idx(pixels, folder / "mnist" / "t10k-images-idx3-ubyte.gz")
    write_idx((minigrad.arange(50) % 10).to(minigrad.uint8), folder / "mnist" / "t10k-labels-idx1-ubyte")
    (folder / "digit.pgm").write_bytes(b"P5 8 8 255\n" + bytes(range(64)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["train", "digits", "--epochs", "1", "--out", "runs/digits-cnn-1"]) == 0
        assert main(["train", "mnist", "--data-dir", "mnist", "--epochs", "1", "--model", "mlp", "--out",
                     "runs/mnist-cnn-1"]) == 0
    return folder


@pytest.fixture
def printed(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)

    def call(*arguments):
        capsys.readouterr()
        assert main(list(arguments)) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return call


@pytest.fixture
def refused(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)

    def call(*arguments):
        try:
            code = main(list(arguments))
        except SystemExit as stopped:
            code = stopped.code
        answer = capsys.readouterr()
        assert code == 2 and answer.out == "" and answer.err.count("\n") == 1, answer
        return answer.err

    return call


def examples():
    """The lines below `examples:` of every command's help."""
    top = parser()
    (commands,) = (action for action in top._actions if getattr(action, "choices", None) and action.dest != "help")
    return [line.strip() for one in (top, *commands.choices.values())
            for line in one.epilog.splitlines() if line.startswith("  minigrad ")]


WAITING = ("train", "explore")      # train for long, serve for ever


@pytest.mark.parametrize("example", examples())
def test_examples_of_help_run(printed, example):
    _, *arguments = shlex.split(example)
    if arguments[0] in WAITING:
        parser().parse_args(arguments)
    else:
        assert printed(*arguments)


def test_summary(printed):
    assert printed("summary", "lenet") == f"{summary(models.build('lenet', (1, 28, 28), 10), (1, 28, 28))}\n"
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    assert printed("summary", "net.py:of_shape", "--shape", "3x4", "--classes", "3", "--batch", "5") == \
        f"{summary(net, (3, 4), 5)}\n"
    rows = json.loads(printed("summary", "net:net", "--shape", "2x9", "--json"))["rows"]
    assert [(row["name"], row["output"]) for row in rows] == [
        ("model", [3]), ("conv", [4, 7]), ("twice", [4, 7]), ("twice", [4, 7]), ("head", [3])]
    assert rows[1]["field"] == {"size": [3], "stride": [1], "offset": [0]}


def test_a_run_is_a_model_with_the_shape_of_its_images(printed, folder):
    assert printed("summary", "runs/digits-cnn-1") == f"{summary(models.build('cnn', (1, 8, 8), 10), (1, 8, 8))}\n"
    assert "1x12x12" not in printed("summary", "runs/mnist-cnn-1") and "144" in printed("summary", "runs/mnist-cnn-1")
    (folder / "mnist").rename(folder / "moved")
    try:
        assert "144" in printed("summary", "runs/mnist-cnn-1", "--shape", "1x12x12")
        assert main(["summary", "runs/mnist-cnn-1"]) == 2
    finally:
        (folder / "moved").rename(folder / "mnist")


def test_receptive_fields(printed, folder):
    text = printed("receptive-field", "net.py:Net", "--shape", "2x9")
    assert text.startswith("name   layer   size  stride  offset\nconv   Conv1d     3       1       0\n")
    net = models.build("cnn", (3, 20, 16), 10)
    assert str(receptive_field(net, (3, 20, 16))) in printed("receptive-field", "cnn", "--shape", "3x20x16")
    text = printed("receptive-field", "cnn", "--shape", "3x20x16", "--svg", str(folder / "f.svg"), "--axis", "1")
    assert text.endswith(f"{folder / 'f.svg'}\n")
    assert "Receptive fields in CNN, of 16 positions" in (folder / "f.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind, has, has_not", [
    ([], ["conv(%x, %conv.weight, %conv.bias)  k 3"], ["backward", "update"]),
    (["--backward"], ["conv_weight(%x, ", "-> %conv.weight.grad", "transpose of %0 conv"], ["update", "%x.grad"]),
    (["--second"], ["conv_weight(%direction, ", "transpose of"], ["update"]),
    (["--step"], ["class_loss", "sgd(%conv.weight, "], []),
])
def test_graph(printed, folder, kind, has, has_not):
    text = printed("graph", "net.py:net", "--shape", "2x9", "--batch", "3", *kind, "--text")
    assert all(words in text for words in has) and not any(words in text for words in has_not), text
    assert "%x: float32[3,2,9]" in text
    assert printed("graph", "net.py:net", "--shape", "2x9", *kind) == "graph.svg\n"
    words = [node.text for node in ElementTree.parse(folder / "graph.svg").iter("{http://www.w3.org/2000/svg}text")]
    assert words[0].startswith("Net: ") and any(re.fullmatch(r"%\d+ conv\w*", word) for word in words)


def test_graph_of_other_outputs(printed):
    """A mean square where there are no scores of classes; the input's gradient where there are no parameters."""
    assert "which square, reduction mean" in printed("graph", "net.py:maps", "--shape", "2x9", "--text", "--step")
    assert "-> %x.grad" in printed("graph", "minigrad.nn:Tanh", "--shape", "3", "--text", "--backward")
    assert "-> %x.grad" in printed("graph", "minigrad.nn:Tanh", "--shape", "3", "--text", "--second")


@pytest.mark.parametrize("arguments, says", [
    (["alexnet"], "MODEL: got 'alexnet', expected one of cnn, lenet, mlp, a run folder, FILE.py:NAME or"),
    (["net.py"], "MODEL: got 'net.py', expected"), (["nothing.py:Net"], "MODEL: nothing.py: no such file"),
    (["nothing:Net"], "MODEL: nothing: no such module"), (["runs"], "runs: not the folder of a run"),
    (["net.py:nil"], "net.py has no nil; its modules are Net, net, maps, Looks"),
    (["net.py:number"], "MODEL: net.py:number: got int, expected a module or what makes one"),
    (["net.py:gives_number"], "net.py:gives_number: gave int, expected a module"),
    (["net.py:takes_three"], "takes (a, b, c), expected no arguments, or (shape, classes)"),
    (["net.py:broken"], "net.py:broken: ZeroDivisionError: division by zero (net.py, line 28)"),
    (["net.py:Net", "--shape", "3x9"], "of shape (4, 2, 3) with groups = 1 expects 2*1 = 2 (net.py, line 13)"),
    (["net.py:Looks", "--shape", "4x4"], "line 34: `return x if x.sum() > 0 else -x` asks for numbers"),
    (["lenet", "--shape", "1x5x5"], "error: lenet: images: got 5x5 pixels"),
    (["lenet", "--shape", "784"], "error: --shape: got 784, expected CxHxW for lenet, which takes images"),
    (["runs/digits-cnn-1", "--shape", "28x28"], "--shape: got 28x28, expected CxHxW for runs/digits-cnn-1"),
    (["runs/digits-cnn-1", "--shape", "1x40x40"], "runs/digits-cnn-1: the checkpoint does not fit"),
    (["lenet", "--shape", "28by28"], "argument --shape: got '28by28', expected sizes"),
])
def test_models_that_are_none(refused, arguments, says):
    for command in ("summary", "graph", "receptive-field"):
        assert says in refused(command, *arguments)


def test_what_a_model_cannot_do(refused):
    assert "input_shape: got (4,), expected channels and" in refused("receptive-field", "minigrad.nn:Tanh", "--shape",
                                                                       "4")
    assert "SGD: params: got none" in refused("graph", "minigrad.nn:Tanh", "--shape", "4", "--step")
    assert "not allowed with" in refused("graph", "lenet", "--step", "--backward")


def test_the_table_of_the_documentation(printed):
    page = Path(__file__).resolve().parent.parent / "docs" / "report.md"
    assert f"```text\n{printed('summary', 'lenet')}```" in page.read_text(encoding="utf-8")


RUN = "runs/digits-cnn-1"


@pytest.mark.parametrize(("arguments", "says"), [
    (["curves", RUN], ["digits-cnn-1: loss", "mean cross entropy", "epoch", "train", "test"]),
    (["curves", RUN, "--accuracy", "--log"], ["digits-cnn-1: accuracy", "% of images"]),
    (["filters", RUN, "--layer", "features.4"],
     ["features.4: Conv2d", "16 of 64 filters, 16 of 32 channels, kernel 3×3"]),
    (["filters", RUN], ["features.0: Conv2d", "32 filters, kernel 3×3"]),
    (["feature-maps", RUN, "--image", "7"], ["features.0: Conv2d, of test image 7", "32 maps of 8×8"]),
    (["confusion", RUN], ["359 test images", "recall", "precision"]),
    (["confusion", "runs/mnist-cnn-1", "--data-dir", "mnist"], ["recall"]),
    (["saliency", RUN, "--image", "3"], ["|gradient|"]),
])
def test_pictures_of_a_run(printed, folder, arguments, says):
    assert printed("draw", *arguments, "--out", "picture.svg") == "picture.svg\n"
    words = [node.text for node in ElementTree.parse(folder / "picture.svg").iter("{http://www.w3.org/2000/svg}text")]
    assert set(says) <= set(words)


@pytest.mark.parametrize(("arguments", "says"), [
    (["curves"], "draw curves: RUN: got none, expected the folder of a run"),
    (["curves", "nowhere"], "nowhere: no such folder"),
    (["conv", RUN], "draw conv: RUN: not an option of this picture"),
    (["filters", RUN, "--layer", "fc"], "--layer: got 'fc', expected one of features.0, features.4"),
    (["filters", "runs/mnist-cnn-1", "--data-dir", "mnist"], "draw filters: this model has no convolution"),
    (["saliency", RUN, "--image", "359"], "--image: got 359, expected 0 to 358"),
    (["confusion", RUN, "--log"], "draw confusion: --log: not an option of this picture; it has RUN, --data-dir"),
])
def test_pictures_of_no_run(refused, arguments, says):
    assert says in refused("draw", *arguments)
