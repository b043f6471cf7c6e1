"""The `chargen` command, also as `python -m chargen`."""

import os
import signal


def main() -> None:
    """Run the command. Ctrl-C ends the process without a traceback at any moment."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # neither ignored nor called by another program
        # An exception that is raised within an import can be printed and ignored.
        signal.signal(signal.SIGINT, lambda number, _: os._exit(128 + number))
    try:
        from chargen.cli.main import main as run

        if before is signal.default_int_handler:
            signal.signal(signal.SIGINT, before)
        run()
    finally:
        if before is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the interpreter is being closed


if __name__ == "__main__":
    main()
