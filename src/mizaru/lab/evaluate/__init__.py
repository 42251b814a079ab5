"""How good is it? The product's own path over labelled footage, with figures and intervals.

A manifest's rows become observations (`mizaru.lab.data.recording`: the same perception and
retargeting as in the darkroom), these go through the recognizer and the incident engine that
the cloud builds, and what they say is held against what people marked.

    truth    which rows, and what happens in them
    watch    what the recognizer says
    judge    one clip: hits, misses, false alarms
    report   all clips: figures with intervals
    page     the same to read, with pictures and replays
"""

from mizaru.lab.evaluate.judge import Judged, Replay
from mizaru.lab.evaluate.report import Figures, Report, as_json
from mizaru.lab.evaluate.run import Judge, product_recognizer, recognizer_of, recordings_folder
from mizaru.lab.evaluate.task import Task

__all__ = [
    "Figures",
    "Judge",
    "Judged",
    "Replay",
    "Report",
    "Task",
    "as_json",
    "product_recognizer",
    "recognizer_of",
    "recordings_folder",
]
