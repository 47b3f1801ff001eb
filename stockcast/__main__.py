"""`python -m stockcast` is `stockcast`."""

from stockcast.cli.app import main

if __name__ == "__main__":
    main()
