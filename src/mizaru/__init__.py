"""Mizaru: recognise dangerous behaviour where a camera must never see anybody."""

__version__ = "0.1.0"
