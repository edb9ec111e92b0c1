"""Capture: a function's graph, recorded once, simplified, and replayed without Python."""

from minigrad.capture.compile import CaptureError, Compiled, compile

__all__ = ["CaptureError", "Compiled", "compile"]
