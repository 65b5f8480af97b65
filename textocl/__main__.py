"""``python -m textocl`` is the command ``textocl``."""

from textocl.cli import main

if __name__ == "__main__":
    main()
