"""`minigrad train` writes a report, `minigrad report` writes it again, and no run is lost for the lack of one."""

import re

import pytest
from idx_files import write_idx

import minigrad
from minigrad.cli.main import main
from minigrad.cli.run import RunFolder
from minigrad.cli.training import Diverged


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with small data: the way in is relative to it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "<b>&").mkdir()
    generator = minigrad.Generator().manual_seed(0)
    pixels = minigrad.randint(0, 256, (60, 9, 9), generator=generator).to(minigrad.uint8)
    write_idx(pixels, tmp_path / "<b>&" / "t10k-images-idx3-ubyte")
    write_idx((minigrad.arange(60) % 10).to(minigrad.uint8), tmp_path / "<b>&" / "t10k-labels-idx1-ubyte")
    return tmp_path


TRAIN = ["train", "fashion_mnist", "--data-dir", "<b>&", "--epochs", "2", "--batch-size", "16"]


def steady(text):
    """A report without what differs from run to run: times, the date, folders, whether it was eager."""
    text = re.sub(r"Training took .*? seconds|Times are those.*?</p>|\d{4}-\d\d-\d\d [\d:]+ UTC", "", text)
    text = re.sub(r"(<td>[\d,]*</td>){2}</tr>", "</tr>", text)
    return re.sub(r"<td class=words>(eager|run folder)</td>.*|<pre>.*", "", text)


def test_a_training_writes_a_report_and_the_command_the_same(here, capsys):
    assert main([*TRAIN, "--out", "run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2] == "report run/report.html" and lines[-1].startswith("test accuracy")
    text = (here / "run" / "report.html").read_text(encoding="utf-8")
    assert f"<pre>minigrad train fashion_mnist --model cnn --epochs 2 --batch-size 16 --lr 0.005 --optimizer adamw " \
           f"--seed 0 --data-dir &#x27;{here}/&lt;b&gt;&amp;&#x27;</pre>" in text
    assert "<b>&" not in text and "Ankle boot" in text and "class=note" not in text
    accuracy = re.search(r"([\d.]+) %", lines[-1])[1]
    assert f"of 12 test images: {accuracy}\u00a0%" in text
    for name, value in (("minigrad", minigrad.__version__), ("training images", "48"), ("test images", "12"),
                        ("seed", "0"), ("run folder", "run")):
        assert f"<td class=words>{name}</td><td class=words>{value}</td>" in text
    assert main(["report", "run", "--out", "again.html", "--threads", "1"]) == 0
    assert capsys.readouterr().out == "again.html\n"
    other = (here / "again.html").read_text(encoding="utf-8")
    threads = r"\d+ threads?"
    assert re.sub(threads, "", steady(other)) == re.sub(threads, "", steady(text))


def test_eager_runs_report_the_same_numbers(here):
    assert main([*TRAIN, "--out", "run"]) == main([*TRAIN, "--eager", "--out", "eager"]) == 0
    first, second = ((here / name / "report.html").read_text(encoding="utf-8") for name in ("run", "eager"))
    assert first != second and steady(first) == steady(second)


def test_no_report(here, capsys):
    assert main([*TRAIN, "--no-report", "--out", "run"]) == 0
    assert not (here / "run" / "report.html").exists() and "report" not in capsys.readouterr().out


def test_a_report_that_fails_loses_nothing(here, capsys, monkeypatch):
    assert main([*TRAIN, "--out", "run"]) == 0
    before = (here / "run" / "report.html").read_text()
    weights = (here / "run" / "model.safetensors").read_bytes()
    for error in (ZeroDivisionError("of\nours"), MemoryError(), KeyboardInterrupt()):
        def fail(_facts, error=error):
            raise error

        monkeypatch.setattr("minigrad.report.page_of", fail)
        capsys.readouterr()
        assert main(["train", "--resume", "run"]) == 0
        answer = capsys.readouterr()
        assert answer.out.splitlines()[-1].startswith("test accuracy")
        told = answer.out if isinstance(error, KeyboardInterrupt) else answer.err
        assert told.count("minigrad report run") == 1 and "no report was written" in told
    assert (here / "run" / "report.html").read_text() == before
    assert (here / "run" / "model.safetensors").read_bytes() == weights


def test_a_run_that_diverges_tells_how_far_it_came(here, capsys, monkeypatch):
    assert main([*TRAIN, "--out", "first", "--lr", "1e30", "--optimizer", "sgd", "--model", "mlp"]) == 2
    text = (here / "first" / "report.html").read_text(encoding="utf-8")
    assert "given up in epoch 1: the loss is" in text and ">Result<" not in text and "1&ensp;The network" in text

    whole = RunFolder.save_checkpoint

    def once(self, state):
        whole(self, state)
        raise Diverged("epoch 2: the loss is <nan>")

    monkeypatch.setattr(RunFolder, "save_checkpoint", once)
    assert main([*TRAIN, "--out", "second"]) == 2
    text = (here / "second" / "report.html").read_text(encoding="utf-8")
    assert "given up in epoch 2: the loss is &lt;nan&gt;" in text and "After 1 epoch the network" in text
    assert main(["report", "second"]) == 0
    assert "not finished: 1 of its 2 epochs are done" in (here / "second" / "report.html").read_text(encoding="utf-8")


def test_reports_that_cannot_be(here, capsys):
    assert main(["report", "nowhere"]) == 2 and "nowhere: no such folder" in capsys.readouterr().err
    assert main([*TRAIN, "--out", "run", "--no-report"]) == 0
    assert main(["report", "run", "--out", "none/report.html"]) == 2
    assert "none" in capsys.readouterr().err
    (here / "<b>&").rename(here / "gone")
    assert main(["report", "run"]) == 2 and "no such folder" in capsys.readouterr().err
    assert main(["report", "run", "--data-dir", "gone"]) == 0
