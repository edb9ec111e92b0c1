"""The compiled floor: owned memory and the loops over it.

Nothing here knows of graphs or gradients.  `types.pxd` is the contract that all of it shares: what a strided view
is, and how a kernel is called.
"""
