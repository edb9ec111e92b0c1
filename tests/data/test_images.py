import hashlib
import http.server
import threading

import pytest
from idx_files import write_idx

import minigrad
from minigrad.cli.train import checksum, load_images
from minigrad.data import MNIST, DataLoader, Digits, FashionMNIST
from minigrad.data.download import cache_folder, fetch
from minigrad.io import FileError


def write_part(folder, part, count, size=(6, 5), ending=".gz"):
    folder.mkdir(parents=True, exist_ok=True)
    pixels = (minigrad.arange(count * size[0] * size[1]) % 256).to(minigrad.uint8).reshape(count, *size)
    write_idx(pixels, folder / f"{part}-images-idx3-ubyte{ending}")
    write_idx((minigrad.arange(count) % 10).to(minigrad.uint8), folder / f"{part}-labels-idx1-ubyte{ending}")


# digits


def test_digits_are_the_real_ones():
    train, test = Digits(train=True), Digits(train=False)
    assert (len(train), len(test)) == (1438, 359)
    image, label = train[0]
    assert tuple(image.shape) == (1, 8, 8) and image.dtype is minigrad.float32 and label.item() == 0
    # the first row of the published file
    assert (image[0, 0] * 16).tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    # its sums, by scikit-learn: load_digits().data.sum() is 561718
    assert int(train.pixels.to(minigrad.int64).sum().item() + test.pixels.to(minigrad.int64).sum().item()) == 561718
    counts = [0] * 10
    for dataset in (train, test):
        for digit in dataset.targets.tolist():
            counts[digit] += 1
    assert counts == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_digits_split_is_every_fifth():
    train, test = Digits(), Digits(train=False)
    labels = iter(train.targets.tolist()), iter(test.targets.tolist())
    together = [next(labels[i % 5 == 4]) for i in range(1797)]
    assert together[:10] == list(range(10)) and together[-5:] == [9, 0, 8, 9, 8]


def test_digits_scale_and_batches():
    (x, y), *_ = DataLoader(Digits(), batch_size=1438)
    assert tuple(x.shape) == (1438, 1, 8, 8) and tuple(y.shape) == (1438,)
    assert x.min().item() == 0 and x.max().item() == 1 and y.dtype is minigrad.int64


def test_the_notice_is_shipped():
    from importlib.resources import files

    notice = (files("minigrad.data") / "files" / "digits-LICENSE.txt").read_text()
    assert "Alpaydin" in notice and "CC BY 4.0" in notice
    size = sum(len(file.read_bytes()) for file in (files("minigrad.data") / "files").iterdir())
    assert size < 60_000


# mnist from a folder


@pytest.mark.parametrize("place", ["", "raw", "MNIST/raw"])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_both_parts(tmp_path, place, ending):
    write_part(tmp_path / place, "train", 20, ending=ending)
    write_part(tmp_path / place, "t10k", 10, ending=ending)
    train, test = load_images("mnist", tmp_path)
    assert (len(train), len(test), train.shape) == (20, 10, (1, 6, 5))
    assert train[3][1].item() == 3 and abs(train[0][0].flatten()[7].item() - 7 / 255) < 1e-7


def test_only_t10k_is_cut(tmp_path):
    write_part(tmp_path, "t10k", 100)
    train, test = load_images("fashion_mnist", str(tmp_path))
    assert (len(train), len(test)) == (80, 20)
    assert train[0][1].item() == 0 and test[3][1].item() == 3 and test.classes[3] == "Dress"
    assert checksum(train, test) != checksum(test, train)


def test_names_with_dots(tmp_path):
    write_part(tmp_path, "t10k", 10)
    for path in list(tmp_path.iterdir()):
        path.rename(tmp_path / path.name.replace("-idx", ".idx"))
    assert len(MNIST(tmp_path)) == 8


def test_bad_folders_are_refused_by_name(tmp_path):
    with pytest.raises(FileError, match="no-such: no such folder"):
        MNIST(tmp_path / "no-such")
    with pytest.raises(FileError, match=r"holds neither"):
        MNIST(tmp_path)
    write_part(tmp_path, "t10k", 10)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileError, match="holds no t10k-labels"):
        MNIST(tmp_path)
    write_idx(minigrad.zeros(9, dtype=minigrad.uint8), tmp_path / "t10k-labels-idx1-ubyte.gz")
    with pytest.raises(FileError, match=r"t10k-labels.*for 10 images"):
        MNIST(tmp_path)
    write_idx(minigrad.full((10,), 10, dtype=minigrad.uint8), tmp_path / "t10k-labels-idx1-ubyte.gz")
    with pytest.raises(FileError, match="the label 10"):
        MNIST(tmp_path)
    write_idx(minigrad.zeros(10, 4, dtype=minigrad.uint8), tmp_path / "t10k-images-idx3-ubyte.gz")
    with pytest.raises(FileError, match=r"t10k-images.*shape \(10, 4\)"):
        MNIST(tmp_path)
    write_part(tmp_path, "train", 10, size=(3, 3))
    write_part(tmp_path, "t10k", 10)
    with pytest.raises(FileError, match="shape"):
        load_images("mnist", tmp_path)


def test_unknown_name():
    with pytest.raises(ValueError, match="load_images: name: got 'cifar'"):
        load_images("cifar")


# downloads


@pytest.fixture
def server(tmp_path):
    served = tmp_path / "served"
    served.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, directory=str(served), **kwargs)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield served, f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()


NOWHERE = "http://127.0.0.1:9/"  # the discard port, where nothing listens


def test_download_checks_and_caches(tmp_path, server, monkeypatch):
    served, address = server
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_part(served, "train", 20)
    write_part(served, "t10k", 10)
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in served.iterdir()}
    monkeypatch.setattr(MNIST, "sha256", digests)
    monkeypatch.setattr(MNIST, "mirrors", (NOWHERE, address))
    train, test = load_images("mnist")
    assert (len(train), len(test)) == (20, 10)
    assert sorted(p.name for p in (cache_folder() / "mnist").iterdir()) == sorted(digests)
    monkeypatch.setattr(MNIST, "mirrors", (NOWHERE,))
    assert len(MNIST()) == 20  # from the cache


def test_wrong_content_is_not_kept(tmp_path, server, monkeypatch):
    served, address = server
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (served / "file").write_bytes(b"something else")
    with pytest.raises(FileError, match=r"^file: cannot be downloaded .*wrong checksum.*--data-dir$"):
        fetch("file", [address], "0" * 64, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
    with pytest.raises(FileError, match=r"(?i)not found"):
        fetch("other", [address], "0" * 64, tmp_path / "cache")


def test_no_network(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(FashionMNIST, "mirrors", (NOWHERE,))
    with pytest.raises(FileError, match=r"train-images-idx3-ubyte.gz: cannot be downloaded") as error:
        FashionMNIST()
    assert "\n" not in str(error.value)
    with pytest.raises(FileError, match="download=False"):
        FashionMNIST(download=False)
