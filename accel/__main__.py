"""`python -m accel`: the command line where its script is not on the path."""

from accel.cli import main

main(prog_name="accel")
