"""Real images with labels: Digits, MNIST and FashionMNIST.

Pixels stay bytes until a batch is drawn; then they become float32 between 0 and 1, bright ink on dark ground.

**Digits**: the 1,797 handwritten digits of 8x8 pixels of E. Alpaydin and C. Kaynak's "Optical Recognition of
Handwritten Digits" (UCI Machine Learning Repository, CC BY 4.0), in the order in which scikit-learn has them in
`digits.csv.gz`.  They are in this package: its rows of 64 numbers from 0 to 16 and a label, cut into an IDX file of
images and one of labels, and gzipped.  Every fifth one (index mod 5 = 4) is for testing: 359, against 1,438 to train.

**MNIST** (Y. LeCun, C. Cortes, C. Burges) and **FashionMNIST** (H. Xiao, K. Rasul, R. Vollgraf, 2017): 60,000 images of
28x28 pixels to train, 10,000 to test, read from a folder of IDX files or downloaded into the user's cache.  By
convention a folder with the 10,000 `t10k` images only is cut: its first 80 % (8,000) train, its last 20 % (2,000) test.
"""

import os
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

from minigrad.data.dataset import TensorDataset
from minigrad.data.download import cache_folder, fetch
from minigrad.data.idx import parse_idx, read_idx
from minigrad.dtypes import float32, int64, uint8
from minigrad.functions import create
from minigrad.io import FileError
from minigrad.tensor import Tensor


class ImageDataset(TensorDataset):
    """Grey images (N, H, W) of bytes up to `white`, and labels (N,).

    Item i is the image, float32 of shape (1, H, W) between 0 and 1, and its label; i may be a tensor of indices.
    """

    classes: tuple[str, ...] = tuple("0123456789")

    def __init__(self, pixels: Tensor, labels: Tensor, white: int = 255) -> None:
        super().__init__(pixels.unsqueeze(1), labels.to(int64))
        (self.pixels, self.targets), self.white = self.tensors, white

    @property
    def shape(self) -> tuple[int, ...]:
        """Channels, height and width of one image."""
        return self.pixels.shape[1:]

    def __getitem__(self, index: Any) -> tuple[Tensor, Tensor]:
        return self.pixels[index].to(float32) / self.white, self.targets[index]


class Digits(ImageDataset):
    """The 8x8 digits that come with minigrad.

    >>> len(Digits(train=True)), len(Digits(train=False)), Digits().shape
    (1438, 359, (1, 8, 8))
    """

    def __init__(self, train: bool = True) -> None:
        names, folder = ("digits-images-idx3-ubyte.gz", "digits-labels-idx1-ubyte.gz"), files("minigrad.data") / "files"
        pixels, labels = (parse_idx((folder / name).read_bytes(), name) for name in names)
        part = (create.arange(1797) % 5 != 4) == train
        super().__init__(pixels[part], labels[part], white=16)


class MNIST(ImageDataset):
    """The 28x28 digits, from the IDX files in the folder `root`.

    Without `root` they come from the user's cache, downloaded first where needed and when `download` allows.
    """

    mirrors = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
    sha256: ClassVar = {
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    }

    def __init__(self, root: str | os.PathLike[str] | None = None, train: bool = True, download: bool = True) -> None:
        folder = self._cached(download) if root is None else self._find(Path(root))
        whole = locate(folder, "train-images-idx3-ubyte") is not None
        pixels, labels = self._read(folder, "train" if train and whole else "t10k")
        cut = pixels.shape[0] * 8 // 10
        part = slice(None) if whole else slice(cut) if train else slice(cut, None)
        super().__init__(pixels[part], labels[part])

    def _cached(self, download: bool) -> Path:
        folder = cache_folder() / type(self).__name__.lower()
        for name, digest in self.sha256.items():
            fetch(name, self.mirrors if download else (), digest, folder)
        return folder

    def _find(self, root: Path) -> Path:
        """The folder with the files: the one given, or the place in it where PyTorch's datasets put them."""
        if not root.is_dir():
            raise FileError(f"{root}: no such folder")
        for folder in (root, root / "raw", root / type(self).__name__ / "raw"):
            if locate(folder, "t10k-images-idx3-ubyte") or locate(folder, "train-images-idx3-ubyte"):
                return folder
        raise FileError(f"{root}: holds neither train-images-idx3-ubyte nor t10k-images-idx3-ubyte (.gz or not)")

    def _read(self, folder: Path, part: str) -> list[Tensor]:
        """Images (count, height, width) and labels (count,)."""
        found: list[Tensor] = []
        for stem, axes in ((f"{part}-images-idx3-ubyte", 3), (f"{part}-labels-idx1-ubyte", 1)):
            path = locate(folder, stem)
            if path is None:
                raise FileError(f"{folder}: holds no {stem} (.gz or not)")
            read = read_idx(path)
            found.append(read)
            if read.dtype is not uint8 or read.ndim != axes or len(read) != len(found[0]) or not read.numel():
                raise FileError(f"{path}: holds {read.dtype.name} of shape {read.shape}, expected uint8 along {axes} "
                                f"axes, none of them empty, for {len(found[0])} images")
        if found[1].max() >= len(self.classes):
            raise FileError(f"{path}: holds the label {found[1].max().item()}, expected 0 to {len(self.classes) - 1}")
        return found


class FashionMNIST(MNIST):
    """The 28x28 pictures of ten kinds of clothes; files and arguments as for MNIST."""

    classes = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
    mirrors = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
               "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/")
    sha256: ClassVar = {
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    }


def locate(folder: Path, stem: str) -> Path | None:
    """The file of that name, as its publishers spell it: `-idx3-` or `.idx3-`, gzipped or not."""
    names = [name + ending for name in (stem, stem.replace("-idx", ".idx")) for ending in ("", ".gz")]
    return next((folder / name for name in names if (folder / name).is_file()), None)
