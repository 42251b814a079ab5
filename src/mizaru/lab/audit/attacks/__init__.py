"""One attack a file, which reads like its paper."""
