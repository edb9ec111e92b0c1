"""`minigrad arithmetic` and `minigrad receptive-field`."""

from xml.etree import ElementTree

import pytest

from minigrad.arithmetic import explain, receptive_field
from minigrad.cli.main import main
from minigrad.models import build


def printed(capsys, *arguments):
    assert main(list(arguments)) == 0
    return capsys.readouterr().out


def test_arithmetic_prints_the_explanation(capsys):
    text = printed(capsys, "arithmetic", "--i", "5", "--k", "3", "--s", "2", "--p", "1")
    assert text == (f"{explain(5, 3, 2, 1)}\n"
                    "its transpose (Relationship 13): stretched input 5, padding 1 + 1, s' = 1, k' = k: o' = 5\n")
    text = printed(capsys, "arithmetic", "--i", "6", "--k", "3", "--s", "2", "--p", "1")
    assert text.endswith("(Relationship 14): stretched input 5, padding 1 + 2 (a = 1 of it), s' = 1, k' = k: o' = 6\n")
    text = printed(capsys, "arithmetic", "--i", "6", "--k", "3", "--s", "2", "--p", "same")     # (0, 1)
    assert text.endswith("its transpose: stretched input 5, padding 2 + 1, s' = 1, k' = k: o' = 6\n")
    text = printed(capsys, "arithmetic", "--i", "3", "--k", "3", "--s", "2", "--p", "1", "--a", "1", "--transposed")
    assert text == f"{explain(3, 3, 2, 1, a=1, op='conv_transpose')}\n"
    assert "Relationship 7" in printed(capsys, "arithmetic", "--i", "6", "--k", "2", "--pool")
    assert "d = 2" in printed(capsys, "arithmetic", "--i", "7", "--k", "3", "--d", "2", "--p", "same")
    assert "p = (0, 2)" in printed(capsys, "arithmetic", "--i", "7", "--k", "3", "--p", "0,2")


@pytest.mark.parametrize("kind", [(), ("--transposed",), ("--pool",)])
def test_arithmetic_draws(capsys, tmp_path, kind):
    target = tmp_path / "drawn.svg"
    text = printed(capsys, "arithmetic", "--i", "4", "--k", "3", "--s", "2", "--p", "1,1", "--svg", str(target), *kind)
    assert text.endswith(f"{target}\n")
    title = ElementTree.parse(target).getroot().find("{http://www.w3.org/2000/svg}title").text
    assert title, "an SVG with its title"


def test_receptive_fields_of_a_model(capsys):
    text = printed(capsys, "receptive-field", "lenet")
    assert str(receptive_field(build("lenet", (1, 28, 28), 10), (1, 28, 28))) in text
    assert "features.5    MaxPool2d  16x16     4x4   -2x-2\n" in text
    assert "8x8     0x0     0x0\n" in printed(capsys, "receptive-field", "mlp", "--shape", "3x8x8")


@pytest.mark.parametrize("arguments, says", [
    (("--i", "2", "--k", "3"), "floor((2 - 3)/1) + 1 = 0 positions"),
    (("--i", "3", "--k", "3", "--a", "1"), "a: got 1, expected 0 for op 'conv'"),
    (("--i", "3", "--k", "3", "--s", "2", "--a", "2", "--transposed"), "output_padding: got 2"),
    (("--i", "3", "--k", "3", "--p", "1,x"), "argument --p: got '1,x', expected a whole number, LOW,HIGH or one of"),
    (("--i", "3", "--k", "3", "--pool", "--transposed"), "not allowed with argument"),
])
def test_refusals_are_one_line(capsys, arguments, says):
    try:
        code = main([*["arithmetic"] * arguments[0].startswith("--"), *arguments])
    except SystemExit as stopped:
        code = stopped.code
    answer = capsys.readouterr()
    assert code == 2 and answer.out == "" and says in answer.err and answer.err.count("\n") == 1
