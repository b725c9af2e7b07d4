"""The worker as a program: `python -m workers --index I --runtime-dir DIR`. Everything else its front tells it."""

import argparse
import gc
import sys
from pathlib import Path


def main() -> int:
    """Run one worker; returns the exit code: 0 when told to end, 1 when orphaned, 2 for bad usage."""
    parser = argparse.ArgumentParser(prog="python -m workers", description="One worker of a Trunkline media router.")
    parser.add_argument("--index", type=int, required=True, help="which of the router's workers this is, from 0")
    parser.add_argument("--runtime-dir", type=Path, required=True, help="the router's private directory")
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error", "critical"))
    parser.add_argument("--log-format", default="text", choices=("text", "json"))
    parser.add_argument("--parent", type=int, metavar="PID", help="end when this process does; default: outlive all")
    options = parser.parse_args()
    if not 0 <= options.index <= 4095:
        parser.error("--index must be between 0 and 4095")
    # Imported with the collector at rest, a fifth of the time to start; and what is imported stays for ever, so the
    # collector need not look at it again while media flows.
    gc.disable()
    from workers.contract.endpoints import Endpoints
    from workers.process.app import Worker, prepare_process
    from workers.runtime.logs import configure
    from workers.shared.notify import notifier

    gc.freeze()
    gc.enable()
    problem = Endpoints(options.runtime_dir).problem()
    if problem is not None:
        parser.error(problem)
    logger = configure(options.index, options.log_level, options.log_format)
    prepare_process(options.index)
    worker = Worker(options.index, options.runtime_dir, logger, notifier())
    if options.parent is not None:
        worker.end_with(options.parent)
    return worker.run()


if __name__ == "__main__":
    sys.exit(main())
