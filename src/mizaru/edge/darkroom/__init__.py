"""The darkroom: raw pixels live and die behind this door.

`develop` runs one camera's darkroom as a process of its own and yields what may leave it.
`probe` says what a source is. `redact` makes a source printable.
"""

from mizaru.edge.darkroom.capture.source import SourceInfo, parse_source, redact
from mizaru.edge.darkroom.supervisor import MAX_MESSAGE_BYTES, develop, probe

__all__ = ["MAX_MESSAGE_BYTES", "SourceInfo", "develop", "parse_source", "probe", "redact"]
