"""The helpers beside these tests, and those of the tensor methods' and layers' tests, are imported by name."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tensor"), str(HERE.parent / "nn")]
