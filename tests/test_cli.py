"""The command as its users meet it: in a process of its own."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time

import pytest
from idx_files import write_idx

import minigrad

COMMAND = [sys.executable, "-m", "minigrad"]
# The same minigrad as here, also in a checkout where it is not installed.
ENVIRONMENT = dict(os.environ, PYTHONPATH=os.path.dirname(os.path.dirname(minigrad.__file__)))
QUICK = ["train", "digits", "--epochs", "3"]
SLOW = ["train", "digits", "--epochs", "2", "--batch-size", "4"]  # time enough to be interrupted


def call(*arguments, cwd, command=COMMAND, **changes):
    return subprocess.run([*command, *map(str, arguments)], cwd=cwd, env=ENVIRONMENT | changes, capture_output=True,
                          text=True, timeout=120)


def start(*arguments, cwd):
    return subprocess.Popen([*COMMAND, *map(str, arguments)], cwd=cwd, env=ENVIRONMENT, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def refused(answer, says):
    """One line on stderr, exit code 2, nothing on stdout."""
    assert answer.returncode == 2, answer
    assert re.search(says, answer.stderr), answer.stderr
    assert answer.stderr.count("\n") == 1 and "Traceback" not in answer.stderr
    assert answer.stdout == ""


def result(run):
    """What a run ends with, times apart."""
    rows = [line.split(",")[:6] for line in (run / "metrics.csv").read_text().splitlines()]
    (checkpoint,) = (run / "checkpoints").iterdir()
    return rows, checkpoint.name, checkpoint.read_bytes(), (run / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What SLOW ends with when nobody stops it."""
    folder = tmp_path_factory.mktemp("slow")
    assert call(*SLOW, "--out", "run", cwd=folder).returncode == 0
    return result(folder / "run")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with the finished run `whole`."""
    folder = tmp_path_factory.mktemp("cli")
    answer = call(*QUICK, "--out", "whole", cwd=folder)
    assert answer.returncode == 0, answer.stderr
    return folder, answer.stdout


def idx_folder(folder, count=100):
    folder.mkdir()
    generator = minigrad.Generator().manual_seed(0)
    pixels = minigrad.randint(0, 256, (count, 12, 12), generator=generator).to(minigrad.uint8)
    write_idx(pixels, folder / "t10k-images-idx3-ubyte.gz")
    write_idx((minigrad.arange(count) % 10).to(minigrad.uint8), folder / "t10k-labels-idx1-ubyte")
    return folder


# train


def test_output_without_a_terminal(trained):
    _, out = trained
    lines = out.splitlines()
    assert "1438 images to train, 359 to test" in lines[0]
    assert [line.split()[:2] for line in lines[1:4]] == [["epoch", f"{i}/3"] for i in (1, 2, 3)]
    assert re.fullmatch(r"test accuracy \d\d\.\d\d %", lines[-1])
    assert "\x1b" not in out and "\r" not in out


def test_no_flags_keep_the_promise(tmp_path):
    answer = call("train", "digits", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    accuracy = re.fullmatch(r"test accuracy (\d+\.\d\d) %", answer.stdout.splitlines()[-1])
    assert float(accuracy[1]) >= 98.5
    assert os.listdir(tmp_path / "runs") == ["digits-cnn-1"]


def test_the_run_folder(trained):
    run = trained[0] / "whole"
    assert sorted(os.listdir(run)) == ["checkpoint.json", "checkpoints", "config.json", "metrics.csv",
                                       "model.safetensors", "report.html"]
    config = json.loads((run / "config.json").read_text())
    assert (config["dataset"], config["model"], config["epochs"], config["seed"]) == ("digits", "cnn", 3, 0)
    header, *rows = (run / "metrics.csv").read_text().splitlines()
    assert header == "epoch,lr,train_loss,train_accuracy,test_loss,test_accuracy,seconds,images_per_second"
    assert len(rows) == 3
    weights = minigrad.load(run / "model.safetensors")
    assert all(isinstance(weight, minigrad.Tensor) for weight in weights.values())
    described = json.loads((run / "checkpoint.json").read_text())
    assert f"test accuracy {100 * described['test_accuracy']:.2f} %" in trained[1]


def test_eager_is_recorded_and_changes_nothing(trained):
    answer = call(*QUICK, "--eager", "--out", "eager", cwd=trained[0])
    assert answer.stdout.splitlines()[-1] == trained[1].splitlines()[-1]
    assert json.loads((trained[0] / "eager" / "config.json").read_text())["eager"] is True
    files = [(trained[0] / run / "model.safetensors").read_bytes() for run in ("whole", "eager")]
    assert files[0] == files[1]
    assert [call("eval", run, cwd=trained[0]).stdout.splitlines()[1:] for run in ("whole", "eager")] == [
        call("eval", "whole", cwd=trained[0]).stdout.splitlines()[1:]] * 2


def test_default_folder_and_flags(tmp_path):
    data = idx_folder(tmp_path / "data")
    answer = call("train", "mnist", "--data-dir", data, "--model", "mlp", "--epochs", 1, "--batch-size", 7,
                  "--lr", 0.01, "--optimizer", "sgd", "--seed", 3, "--threads", 1, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    config = json.loads((tmp_path / "runs" / "mnist-mlp-1" / "config.json").read_text())
    assert (config["batch_size"], config["lr"], config["optimizer"], config["seed"]) == (7, 0.01, "sgd", 3)
    assert "80 images to train, 20 to test" in answer.stdout
    data.rename(tmp_path / "moved")
    refused(call("eval", "runs/mnist-mlp-1", cwd=tmp_path), "no such folder")
    moved = call("eval", "runs/mnist-mlp-1", "--data-dir", "moved", cwd=tmp_path)
    assert moved.stdout.splitlines()[-1] == answer.stdout.splitlines()[-1]
    idx_folder(tmp_path / "other", count=90)
    refused(call("eval", "runs/mnist-mlp-1", "--data-dir", "other", cwd=tmp_path), "its images of mnist were others")


def test_killed_again_and_again(undisturbed, tmp_path):
    rng = random.Random(1)
    run, kills = tmp_path / "killed", 0
    while kills < 6:
        process = start(*(["train", "--resume", run] if run.exists() else [*SLOW, "--out", run]), cwd=tmp_path)
        for _ in range(rng.randrange(3)):
            process.stdout.readline()  # training has begun, an epoch has ended
        time.sleep(rng.random() * 0.5)
        process.kill()
        process.communicate()
        kills += 1
    last = call(*(["train", "--resume", run] if run.exists() else [*SLOW, "--out", run]), cwd=tmp_path)
    assert last.returncode == 0, last.stderr
    assert result(run) == undisturbed
    assert (run / "report.html").read_text(encoding="utf-8").endswith("</html>\n")


@pytest.mark.parametrize("number, epochs", [(signal.SIGINT, 0), (signal.SIGINT, 1), (signal.SIGTERM, 1)])
def test_interrupted(undisturbed, tmp_path, number, epochs):
    process = start(*SLOW, "--out", "my run", cwd=tmp_path)
    for _ in range(1 + epochs):
        process.stdout.readline()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and err == "", err
    assert "everything is saved" in out
    assert out.splitlines()[-1] == "  minigrad train --resume 'my run'"
    described = json.loads((tmp_path / "my run" / "checkpoint.json").read_text())
    assert described["epoch"] == epochs
    report = (tmp_path / "my run" / "report.html").read_text(encoding="utf-8")
    assert f"This run was stopped in epoch {epochs + 1} of 2" in report and "Confusion matrix" in report
    again = call("train", "--resume", "my run", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "class=note" not in (tmp_path / "my run" / "report.html").read_text(encoding="utf-8")
    assert re.fullmatch(r"test accuracy \d\d\.\d\d %", again.stdout.splitlines()[-1])
    assert result(tmp_path / "my run") == undisturbed


def test_a_terminal_gets_a_progress_bar(tmp_path):
    pytest.importorskip("rich")
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    environment = ENVIRONMENT | {"TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen([*COMMAND, *SLOW], cwd=tmp_path, stdout=slave, env=environment)
    os.close(slave)
    shown = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    assert process.wait() == 0
    text = shown.decode()
    assert "\x1b[" in text and "images/s" in text and "left" in text
    assert re.search(r"test accuracy \d+\.\d\d %\r\n$", text)


def test_a_loss_that_explodes(tmp_path):
    answer = call("train", "digits", "--optimizer", "sgd", "--lr", "1e30", cwd=tmp_path)
    assert answer.returncode == 2 and "Traceback" not in answer.stderr
    assert re.fullmatch(r"minigrad: error: runs/digits-cnn-1: epoch 1: the loss is nan; .*\n", answer.stderr)


def test_resume_keeps_its_settings(trained):
    folder, out = trained
    done = call("train", "digits", "--resume", "whole", "--threads", 1, cwd=folder)
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == out.splitlines()[-1]
    refused(call("train", "--resume", "whole", "--lr", "0.1", cwd=folder), "--lr: the run in whole has 0.005, not 0.1")
    refused(call("train", "mnist", "--resume", "whole", cwd=folder), "dataset: the run in whole has digits")
    refused(call("train", "--resume", "whole", "--eager", cwd=folder), "--eager: the run in whole has False, not True")
    refused(call("train", "--resume", "whole", "--out", "x", cwd=folder), "--out: a resumed run stays")
    refused(call("train", "--resume", "nowhere", cwd=folder), "nowhere: no such folder")
    refused(call("train", "--resume", ".", cwd=folder), "not the folder of a run")
    before = result(folder / "whole")
    refused(call(*QUICK, "--out", "whole", cwd=folder), "whole: holds a run already")
    assert result(folder / "whole") == before


# eval and predict


def test_eval(trained):
    folder, out = trained
    for command in (COMMAND, [sys.executable, "-c", "from minigrad.cli import main; raise SystemExit(main())"]):
        answer = call("eval", "whole", cwd=folder, command=command)
        assert answer.returncode == 0 and answer.stderr == ""
        assert answer.stdout.splitlines()[-1] == out.splitlines()[-1]


def test_predict_an_index(trained):
    answer = call("predict", "whole", 0, cwd=trained[0], PYTHONIOENCODING="utf-8")
    assert answer.returncode == 0, answer.stderr
    lines = answer.stdout.splitlines()
    assert len(lines) == 8 + 10 + 1 and all(len(line) == 16 for line in lines[:8])
    assert re.fullmatch(r"predicted \d \(\d+\.\d %\), labelled 4", lines[-1])
    assert "█" in answer.stdout
    total = sum(float(line.split()[-2]) for line in lines[8:18])
    assert abs(total - 100) < 1
    plain = call("predict", "whole", 0, cwd=trained[0], PYTHONIOENCODING="ascii")
    assert plain.returncode == 0 and "#" in plain.stdout


def test_predict_a_file(trained, tmp_path):
    image, _ = minigrad.data.Digits(train=False)[0]
    numbers = (image[0] * 16).to(minigrad.int64)
    same = call("predict", "whole", "0", cwd=trained[0]).stdout.splitlines()
    text = " ".join(str(n) for n in numbers.flatten().tolist())
    (tmp_path / "text.pgm").write_text(f"P2\n# a comment\n8 8\n16\n{text}\n")
    (tmp_path / "bytes.pgm").write_bytes(b"P5 8 8 16 " + bytes(numbers.flatten().tolist()))
    paper = [16 - n for n in numbers.flatten().tolist()]
    (tmp_path / "paper.pgm").write_bytes(b"P5 8 8 16\n" + bytes(paper))
    large = [n for row in numbers.tolist() for _ in range(3) for n in row for _ in range(3)]
    (tmp_path / "large.pgm").write_bytes(b"P5 24 24 16\n" + bytes(large))
    for name in ("text.pgm", "bytes.pgm", "paper.pgm", "large.pgm"):
        answer = call("predict", "whole", tmp_path / name, cwd=trained[0])
        assert answer.returncode == 0, answer.stderr
        assert answer.stdout.splitlines()[8:18] == same[8:18], name
        assert answer.stdout.splitlines()[-1] == same[-1].split(",")[0]


@pytest.mark.parametrize("content, says", [
    (b"", "Pillow"), (b"GIF89a", "Pillow"), (b"P5", "damaged PGM header"), (b"P5 0 0 255\n", "cannot be read"),
    (b"P5 2 2 255\n\1\2\3", "expected 4 up to 255"), (b"P2 2 1 10 5 11", "expected 2 up to 10"),
    (b"P2 2 1 10 5 x", "something else than numbers"), (b"P5 99999 99999 255\n", "cannot be read"),
])
def test_bad_images(trained, tmp_path, content, says):
    (tmp_path / "image").write_bytes(content)
    refused(call("predict", "whole", tmp_path / "image", cwd=trained[0]), f"image: .*{says}")


def test_missing_images_and_indices(trained):
    refused(call("predict", "whole", "no.pgm", cwd=trained[0]), "no.pgm: No such file")
    refused(call("predict", "whole", "359", cwd=trained[0]), "got index 359, expected 0 to 358")
    refused(call("predict", "whole", ".", cwd=trained[0]), "Is a directory")


# What users get wrong


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are text")
def test_names_that_are_no_text(tmp_path):
    name = os.fsdecode(b"run \xff")
    assert call("train", "digits", "--epochs", 1, "--out", name, cwd=tmp_path).returncode == 0
    refused(call("eval", name + "2", cwd=tmp_path), "no such folder")


@pytest.mark.parametrize("arguments, says", [
    ([], "required: command"), (["fly"], "invalid choice: 'fly'"), (["train"], "which dataset"),
    (["train", "cats"], "invalid choice: 'cats'"), (["train", "digits", "--epochs", "0"], "--epochs: got '0', exp"),
    (["train", "digits", "--epochs", "many"], "--epochs: got 'many'"), (["train", "digits", "--lr", "nan"], "--lr"),
    (["train", "digits", "--lr", "-1"], "--lr"), (["train", "digits", "--seed", "-1"], "--seed"),
    (["train", "digits", "--seed", "9" * 30], "--seed"), (["train", "digits", "--threads", "0"], "--threads"),
    (["train", "digits", "--threads", "1025"], "--threads: got '1025'"),
    (["train", "digits", "--optimizer", "lion"], "--optimizer"), (["train", "digits", "--model", "gpt"], "--model"),
    (["train", "digits", "--model", "lenet"], "lenet: images: got 8x8"), (["train", "digits", "--speed"], "--speed"),
    (["train", "digits", "--data-dir", "x"], "--data-dir: digits comes with minigrad"),
    (["train", "mnist", "--data-dir", "x"], "x: no such folder"),
    (["train", "mnist", "--data-dir", "."], "holds neither"),
    (["eval"], "required: RUN"), (["eval", "x"], "x: no such folder"), (["eval", "."], "not the folder of a run"),
    (["predict", "x"], "required: IMAGE"), (["predict", "x", "3"], "x: no such folder"), (["info", "now"], "now"),
])
def test_wrong_arguments(tmp_path, arguments, says):
    refused(call(*arguments, cwd=tmp_path), says)
    assert os.listdir(tmp_path) == []


def test_damaged_checkpoint(trained, tmp_path):
    call("train", "digits", "--epochs", 1, "--out", "run", cwd=tmp_path)
    (file,) = (tmp_path / "run" / "checkpoints").iterdir()
    content = file.read_bytes()
    file.write_bytes(content[:1000])
    for arguments in (["eval", "run"], ["predict", "run", "1"], ["train", "--resume", "run"]):
        refused(call(*arguments, cwd=tmp_path), r"epoch-0001-step-000000\.safetensors: damaged checkpoint")
    assert file.read_bytes() == content[:1000]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    refused(call("train", "digits", "--epochs", 1, cwd=tmp_path), "Permission denied")


def test_no_network(tmp_path):
    nowhere = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "http_proxy": "http://127.0.0.1:9",
               "https_proxy": "http://127.0.0.1:9"}
    refused(call("train", "mnist", cwd=tmp_path, **nowhere), "train-images-idx3-ubyte.gz: cannot be downloaded")


# info and help


def test_info(tmp_path):
    text = call("info", cwd=tmp_path)
    assert text.returncode == 0 and "instruction set" in text.stdout and minigrad.__version__ in text.stdout
    facts = json.loads(call("info", "--json", cwd=tmp_path).stdout)
    assert facts["version"] == minigrad.__version__ and facts["threads"] >= 1
    assert "conv" in facts["kernels"]["conv"] and facts["instruction_set"] in facts["instruction_sets_built"]


@pytest.mark.parametrize("command", [[], ["train"], ["eval"], ["predict"], ["draw"], ["info"], ["arithmetic"],
                                     ["receptive-field"], ["summary"], ["graph"], ["report"],
                                     ["matrix"]])
def test_help_has_an_example(tmp_path, command):
    answer = call(*command, "--help", cwd=tmp_path)
    assert answer.returncode == 0 and re.search(r"examples?:\n  minigrad ", answer.stdout)
    assert max(map(len, answer.stdout.splitlines())) <= 100


def test_version(tmp_path):
    assert call("--version", cwd=tmp_path).stdout == f"minigrad {minigrad.__version__}\n"


def test_a_reader_that_leaves(tmp_path):
    answer = subprocess.run(f"{sys.executable} -m minigrad info --json | true", shell=True, cwd=tmp_path,
                            env=ENVIRONMENT, capture_output=True, text=True)
    assert answer.stderr == ""


def test_rich_is_imported_for_terminals_only(tmp_path):
    code = ("import sys; from minigrad.cli import main; main(['train', 'digits', '--epochs', '1']);"
            "bad = [m for m in ('rich', 'numpy', 'torch') if m in sys.modules]; sys.exit(str(bad) if bad else 0)")
    answer = call(cwd=tmp_path, command=[sys.executable, "-c", code])
    assert answer.returncode == 0, answer.stderr


# ----------------------------------------------------------------------------------------------------------------------
# draw

@pytest.mark.parametrize(("arguments", "title"), [
    (["conv", "--i", "4x6", "--p", "1,2", "--numbers"], "Convolution: i = (4, 6), k = 3, s = 1, p = (1, 2)"),
    (["transposed", "--i", "3", "--s", "2", "--p", "1", "--a", "1", "--view", "scatter"],
     "The transpose of the convolution i = 6, k = 3, s = 2, p = 1"),
    (["max-pool", "--i", "7", "--s", "2", "--dims", "1", "--stills", "2"], "Max pooling: i = 7, k = 3, s = 2, p = 0"),
    (["nails-unpool"], "Bed of nails unpooling: i = 6, k = 2, s = 2, p = 0"),
    (["upsample", "--s", "3", "--mode", "linear"], "Upsampling by 3, linear"),
    (["placements", "--p", "same"], "The window fits 5 times: i = 5, k = 3, s = 1, p = 1"),
    (["field", "--layers", "3", "3,1,2"], "A unit after 2 layers sees 7 of the input"),
    (["field", "--layers", "3,2,1,1", "3,1,1,1", "--i", "9"], "A unit after 2 layers sees 7 of the input"),
    (["overlap", "--k", "5", "--s", "3"], "How many products each output sums"),
])
def test_draw_writes_a_picture(arguments, title, tmp_path):
    answer = call("draw", *arguments, cwd=tmp_path)
    assert (answer.returncode, answer.stdout) == (0, f"{arguments[0]}.svg\n"), answer
    text = (tmp_path / f"{arguments[0]}.svg").read_text(encoding="utf-8")
    assert f"<title>{title}</title>" in text
    to_output = call("draw", *arguments, "--out", "-", cwd=tmp_path, PYTHONIOENCODING="utf-8")
    assert to_output.stdout == text


@pytest.mark.parametrize(("arguments", "says"), [
    (["conv", "--a", "1"], "draw conv: --a: not an option of this picture; it has --i"),
    (["conv", "--k", "9"], "kernel 9 with dilation 1 covers 9 positions"),
    (["conv", "--i", "400"], "at most 1024"), (["conv", "--i", "3x"], "--i: got '3x'"),
    (["conv", "--i", "3x3", "--dims", "1"], "expected one with --dims 1"),
    (["conv", "--p", "-1"], "--p: got '-1'"), (["conv", "--p", "half"], "--p: got 'half'"),
    (["field"], "--layers: got none"), (["field", "--layers", "2x"], "--layers: got '2x'"),
    (["field", "--layers", "3", "--i", "4x4"], "two sizes"),
    (["field", "--layers", "0"], "kernel"), (["overlap", "--stills", "2"], "this picture has no steps"),
    (["overlap", "--k", "3x3"], "got two sizes"), (["placements", "--i", "4x4"], "got two sizes"),
    (["spiral"], "invalid choice"), (["conv", "--out", "none/conv.svg"], "none/conv.svg"),
])
def test_draw_refuses_in_one_line(arguments, says, tmp_path):
    refused(call("draw", *arguments, cwd=tmp_path), says)
