"""``python -m mizaru.edge.darkroom``: started by the edge only; see `process`."""

import os
import sys

from mizaru.edge.darkroom import process

if __name__ == "__main__":
    status = process.probe_main() if sys.argv[1:] == ["probe"] else process.main()
    sys.stdout.flush()
    os._exit(status)  # no destructors of native libraries behind a sandbox
