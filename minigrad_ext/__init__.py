"""The compiled floor: owned memory and the loops over it.

Nothing here knows of graphs or gradients.  `types.pxd` is the contract that all of it shares: what a strided view
is, and how a kernel is called.
"""

import os

# Threads that wait for the next loop spin for a while before they sleep.  libgomp's default, some milliseconds, makes a
# training step ten times slower when other programs want the cores; about 90 microseconds bridge the gaps between our
# loops (with half of that steps of small batches took longer on two threads than on one).  It reads this once, when the
# first module that uses it is loaded; whoever has set a policy keeps it.
if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & set(os.environ):
    os.environ["GOMP_SPINCOUNT"] = "4000"
    from minigrad_ext import parallel
    del os.environ["GOMP_SPINCOUNT"]
