"""The darkroom: raw pixels live and die behind this door.

`develop` runs one camera's darkroom as a process of its own and yields what may leave it.
`probe` says what a source is. `redact` makes a source printable. `check_weights` says whether the
encoder's files are whole.
"""

from mizaru.edge.darkroom.capture.source import SourceInfo, parse_source, redact
from mizaru.edge.darkroom.encode.files import check_weights
from mizaru.edge.darkroom.supervisor import MAX_MESSAGE_BYTES, develop, probe

__all__ = [
    "MAX_MESSAGE_BYTES",
    "SourceInfo",
    "check_weights",
    "develop",
    "parse_source",
    "probe",
    "redact",
]
