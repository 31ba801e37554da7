"""``python -m backend.cli`` is ``flawsmith``."""

from backend.cli import main

main(prog_name="flawsmith")
