"""``python -m mizaru`` is ``mizaru``."""

from mizaru.cli import main

if __name__ == "__main__":
    main()
