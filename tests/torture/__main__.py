"""`python -m tests.torture` plays what is missing of every kind; with a kind and a seed, that case again."""

import sys

if __name__ == "__main__":  # each process that is forked runs this file: it imports nothing
    from tests.torture.playing import main

    sys.exit(main())
