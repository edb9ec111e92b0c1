"""`minigrad arithmetic` as its users meet it."""

import pytest

from minigrad.arithmetic import explain
from minigrad.cli.main import main


def printed(capsys, *arguments):
    assert main(list(arguments)) == 0
    return capsys.readouterr().out


def test_arithmetic_prints_the_explanation(capsys):
    text = printed(capsys, "arithmetic", "--i", "5", "--k", "3", "--s", "2", "--p", "1")
    assert text == (f"{explain(5, 3, 2, 1)}\n"
                    "its transpose: stretched input 5, padding 1 + 1, s' = 1, k' = k: o' = 5\n")
    text = printed(capsys, "arithmetic", "--i", "6", "--k", "3", "--s", "2", "--p", "1")
    assert text.endswith("padding 1 + 2 (a = 1 of it), s' = 1, k' = k: o' = 6\n")
    text = printed(capsys, "arithmetic", "--i", "3", "--k", "3", "--s", "2", "--p", "1", "--a", "1", "--transposed")
    assert text == f"{explain(3, 3, 2, 1, a=1, op='conv_transpose')}\n"
    assert "Relationship 7" in printed(capsys, "arithmetic", "--i", "6", "--k", "2", "--pool")
    assert "d = 2" in printed(capsys, "arithmetic", "--i", "7", "--k", "3", "--d", "2", "--p", "same")
    assert "p = (0, 2)" in printed(capsys, "arithmetic", "--i", "7", "--k", "3", "--p", "0,2")


@pytest.mark.parametrize("arguments, says", [
    (("--i", "2", "--k", "3"), "floor((2 - 3)/1) + 1 = 0 positions"),
    (("--i", "3", "--k", "3", "--a", "1"), "a: got 1, expected 0 for op 'conv'"),
    (("--i", "3", "--k", "3", "--s", "2", "--a", "2", "--transposed"), "output_padding: got 2"),
    (("--i", "3", "--k", "3", "--p", "1,x"), "argument --p: got '1,x', expected a whole number, LOW,HIGH or one of"),
    (("--i", "3", "--k", "3", "--pool", "--transposed"), "not allowed with argument"),
])
def test_refusals_are_one_line(capsys, arguments, says):
    try:
        code = main(["arithmetic", *arguments])
    except SystemExit as stopped:
        code = stopped.code
    answer = capsys.readouterr()
    assert code == 2 and answer.out == "" and says in answer.err and answer.err.count("\n") == 1
