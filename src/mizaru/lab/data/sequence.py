"""Where data's modules find the form that they all give: see `mizaru.lab.sequence`."""

from __future__ import annotations

from mizaru.lab.sequence import Label, Sequence

__all__ = ["Label", "Sequence"]
