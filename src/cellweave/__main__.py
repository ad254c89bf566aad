"""``python -m cellweave``: the command line without its entry point."""

from cellweave.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
