"""Skeleton files as `Motion`: z up, metres, the floor at 0, `COCO17`."""

from mizaru.lab.data.skeletons.load import load_motions

__all__ = ["load_motions"]
