"""`python -m router` is `trunkline`."""

from router.cli import main

if __name__ == "__main__":
    main()
