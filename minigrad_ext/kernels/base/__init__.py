"""Kernels compiled for one instruction-set level; see setup.py."""
