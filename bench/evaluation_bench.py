#!/usr/bin/env python3
"""Time of `lpmc evaluate` as a user runs it: the whole program, WordNet's loading included, without BERTScore.

    bench/evaluation_bench.py build/bin/lpmc inference.json --train-captions musiccaps-public.csv
"""

import argparse
import os
import statistics
import subprocess
import sys
import time


def run_once(command):
    """Wall-clock and processor seconds of one run."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {process.returncode}")
    return wall, usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the built lpmc")
    parser.add_argument("inputs", nargs="+", help="prediction files; each is timed for itself")
    parser.add_argument("--train-captions", help="captions for the novelty figures")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=11, help="after one that is not counted")
    arguments = parser.parse_args()
    for path in arguments.inputs:
        command = [arguments.program, "evaluate", path, "--no-bertscore", "--threads", str(arguments.threads)]
        if arguments.train_captions:
            command += ["--train-captions", arguments.train_captions]
        run_once(command)
        times = [run_once(command) for _ in range(arguments.runs)]
        wall, processor = (statistics.median(column) for column in zip(*times))
        least = min(time for time, _ in times)
        print(f"{path}: median {wall:.3f} s, least {least:.3f} s, {processor:.3f} s of processor time "
              f"({arguments.runs} runs, {arguments.threads} threads)")


if __name__ == "__main__":
    main()
