"""A run that is stopped anywhere ends where the undisturbed one ends, to the last bit."""

import json
import os
import re
from dataclasses import replace

import pytest

import minigrad
from minigrad.cli.config import Config, default_config
from minigrad.cli.run import RunFolder
from minigrad.cli.training import Interrupted, derive_seed, evaluate, schedule
from minigrad.data.images import ImageDataset
from minigrad.io import FileError


class Silent:
    def step(self, epoch, steps_done, loss, accuracy, images):
        pass

    def epoch(self, row):
        pass


def images(count, seed):
    generator = minigrad.Generator().manual_seed(seed)
    pixels = minigrad.randint(0, 17, (count, 8, 8), generator=generator).to(minigrad.uint8)
    return ImageDataset(pixels, minigrad.arange(count) % 10, white=16)


TRAIN, TEST = images(50, 0), images(20, 1)
CONFIG = default_config("digits", epochs=2, batch_size=16, model="cnn")


def result(run):
    """Everything that must not depend on interruptions."""
    rows = [list(row.values())[:6] for row in run.read_metrics()]
    (checkpoint,) = (run.path / "checkpoints").iterdir()
    return (checkpoint.name, checkpoint.read_bytes(), run.pointer.read_bytes(), rows,
            (run.path / "model.safetensors").read_bytes())


def go(run, stop=lambda: False):
    trainer = run.trainer(TRAIN, TEST)
    run.keep_metrics(trainer.epoch)
    return trainer.train(run, Silent(), stop)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    run = RunFolder.create(tmp_path_factory.mktemp("runs") / "whole", CONFIG)
    go(run)
    return result(run)


def test_the_same_twice(tmp_path, undisturbed):
    run = RunFolder.create(tmp_path / "again", CONFIG)
    go(run)
    assert result(run) == undisturbed


def test_seeds_differ(tmp_path, undisturbed):
    run = RunFolder.create(tmp_path / "other", default_config("digits", epochs=2, batch_size=16, seed=1))
    go(run)
    assert result(run)[1] != undisturbed[1]


def test_threads_change_nothing(tmp_path, undisturbed):
    before = minigrad.get_num_threads()
    try:
        minigrad.set_num_threads(1 if before > 1 else 2)
        run = RunFolder.create(tmp_path / "threads", CONFIG)
        go(run)
    finally:
        minigrad.set_num_threads(before)
    assert result(run) == undisturbed


@pytest.mark.parametrize("name", ["cnn", "mlp"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_capture_changes_nothing(tmp_path, name, optimizer):
    """Not even where half of the steps are captured: those after a stop."""
    config = default_config("digits", epochs=2, batch_size=16, model=name, optimizer=optimizer)
    whole, eager, parts = (RunFolder.create(tmp_path / each, config if each != "eager" else replace(config, eager=True))
                           for each in ("whole", "eager", "parts"))
    go(whole)
    go(eager)
    calls = iter([False] * 5)
    with pytest.raises(Interrupted):
        go(RunFolder(parts.path, replace(config, eager=True)), lambda: next(calls, True))
    go(RunFolder.open(parts.path))
    assert result(whole) == result(eager) == result(parts)


def test_each_size_of_batch_is_captured_once(tmp_path):
    trainer = RunFolder.create(tmp_path / "run", CONFIG).trainer(TRAIN, TEST)
    trainer.train(RunFolder(tmp_path / "run", CONFIG), Silent())
    assert len(trainer.train_batch.captures) == 2 and len(trainer.measure_batch.captures) == 1


def test_a_run_from_before_there_was_a_choice(tmp_path):
    run = RunFolder.create(tmp_path / "run", CONFIG)
    (run.path / "config.json").write_text(re.sub(r',\s*"eager": false', "", CONFIG.to_json()))
    assert "eager" not in (run.path / "config.json").read_text() and RunFolder.open(run.path).config == CONFIG


def test_stopped_after_every_step(tmp_path, undisturbed):
    run = RunFolder.create(tmp_path / "stopped", CONFIG)
    stops = 0
    while True:
        calls = iter([False, True])
        try:
            go(RunFolder.open(run.path), lambda calls=calls: next(calls, True))
            break
        except Interrupted:
            stops += 1
    assert stops == 8 - 1  # 4 steps in each of 2 epochs; nothing can be stopped after the last
    assert result(run) == undisturbed


class Killed(BaseException):
    pass


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_every_change_of_a_file(tmp_path, monkeypatch, undisturbed, after):
    """Every file appears by os.replace or os.rename: the run dies just before or just after the n-th of them."""
    number, killed = 0, True
    while killed:
        path, left, killed = tmp_path / str(number), number, False

        def dying(change):
            def replace(*args):
                nonlocal left
                left -= 1
                if left == -1 and not after:
                    raise Killed
                change(*args)
                if left == -1:
                    raise Killed
            return replace

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", dying(os.replace))
            patch.setattr(os, "rename", dying(os.rename))
            try:
                go(RunFolder.create(path, CONFIG))
            except Killed:
                killed = True
        run = RunFolder.open(path) if path.exists() else RunFolder.create(path, CONFIG)
        go(run)
        assert result(run) == undisturbed
        number += 1
    assert number == 10  # configuration, folder, thrice per epoch, model


def test_resuming_a_finished_run_changes_nothing(tmp_path, undisturbed):
    run = RunFolder.create(tmp_path / "done", CONFIG)
    accuracy = go(run)
    assert go(RunFolder.open(run.path)) == accuracy
    assert result(run) == undisturbed


# The folder


def test_names_are_counted(tmp_path):
    names = [RunFolder.create(None, CONFIG, tmp_path / "runs").path.name for _ in range(3)]
    assert names == ["digits-cnn-1", "digits-cnn-2", "digits-cnn-3"]
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == names


def test_a_run_is_never_overwritten(tmp_path):
    run = RunFolder.create(tmp_path / "run", CONFIG)
    with pytest.raises(FileError, match=r"holds a run already.*--resume"):
        RunFolder.create(run.path, CONFIG)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(FileError, match="not an empty folder"):
        RunFolder.create(tmp_path / "full", CONFIG)
    (tmp_path / "empty").mkdir()
    assert RunFolder.open(RunFolder.create(tmp_path / "empty", CONFIG).path).config == CONFIG


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", '"x"', CONFIG.to_json().replace("16", '"16"'),
                                  CONFIG.to_json().replace('"cnn"', '"resnet"'), CONFIG.to_json().replace("16", "-1"),
                                  CONFIG.to_json().replace("16", "true"), CONFIG.to_json().replace("false", "0")])
def test_damaged_configuration(tmp_path, text):
    run = RunFolder.create(tmp_path / "run", CONFIG)
    (run.path / "config.json").write_text(text)
    with pytest.raises(FileError, match=r"config\.json: damaged") as error:
        RunFolder.open(run.path)
    assert "\n" not in str(error.value)


def test_damaged_checkpoints_are_named(tmp_path):
    run = RunFolder.create(tmp_path / "run", CONFIG)
    with pytest.raises(FileError, match="no checkpoint yet"):
        run.model(TRAIN.shape, 10)
    go(run)
    (file,) = (run.path / "checkpoints").iterdir()
    whole, pointer = file.read_bytes(), run.pointer.read_text()
    for content in (b"", whole[:-1], whole[:-9] + b"\1" + whole[-8:]):
        file.write_bytes(content)
        with pytest.raises(FileError, match=re.escape(f"{file}: damaged checkpoint")):
            run.trainer(TRAIN, TEST)
        assert file.read_bytes() == content
    file.unlink()
    with pytest.raises(FileError, match=re.escape(f"{file}: missing")):
        run.load_checkpoint()
    file.write_bytes(whole)
    for text in ("", "[]", "{}", '{"file": 1, "sha256": 2}'):
        run.pointer.write_text(text)
        with pytest.raises(FileError, match=r"checkpoint\.json: damaged"):
            run.load_checkpoint()
    run.pointer.write_text(pointer)
    other = json.loads(CONFIG.to_json()) | {"model": "mlp"}
    with pytest.raises(FileError, match="does not fit"):
        RunFolder(run.path, Config(**other)).trainer(TRAIN, TEST)
    model = run.model(TRAIN.shape, 10)
    assert evaluate(model, TEST)[1] == run.trainer(TRAIN, TEST).test_accuracy


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a,b\n1,2\n", b"", b"epoch,lr\n\0\n"])
def test_damaged_metrics(tmp_path, content):
    run = RunFolder.create(tmp_path / "run", CONFIG)
    (run.path / "metrics.csv").write_bytes(content)
    with pytest.raises(FileError, match=r"metrics\.csv: damaged"):
        run.read_metrics()


# Numbers


def test_schedule_rises_and_falls():
    rates = [schedule(step, 100) for step in range(100)]
    assert max(rates) == 1 and rates.index(1.0) == 19
    assert rates[:20] == sorted(rates[:20]) and rates[19:] == sorted(rates[19:], reverse=True)
    assert rates[0] == pytest.approx(0.05) and rates[-1] == pytest.approx(0.01, abs=1e-3)
    for total in range(1, 8):
        assert all(0 < schedule(step, total) <= 1 for step in range(total))


def test_derived_seeds():
    assert derive_seed(0, "step", 1) == derive_seed(0, "step", 1)
    seeds = {derive_seed(seed, purpose, n) for seed in range(5) for purpose in ("step", "order") for n in range(50)}
    assert len(seeds) == 500 and all(0 <= seed < 2**63 for seed in seeds)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_every_optimizer_learns_and_resumes(tmp_path, optimizer):
    config = default_config("digits", epochs=6, batch_size=10, model="mlp", optimizer=optimizer)
    whole = RunFolder.create(tmp_path / "whole", config)
    go(whole)
    losses = [float(row["train_loss"]) for row in whole.read_metrics()]
    assert losses[-1] < losses[0]
    parts = RunFolder.create(tmp_path / "parts", config)
    calls = iter([False] * 7)
    with pytest.raises(Interrupted):
        go(parts, lambda: next(calls, True))
    go(RunFolder.open(parts.path))
    assert result(parts) == result(whole)
