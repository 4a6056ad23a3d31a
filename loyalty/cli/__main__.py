"""`python -m loyalty.cli …`."""

from loyalty.cli import main

if __name__ == "__main__":
    main(prog_name="loyalty")
