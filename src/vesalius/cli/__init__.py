"""The command line: parse, call, show. No logic."""

import os

# Before numpy is loaded. The lossless fit solves thousands of small systems: shared among BLAS threads, each waits for
# the slowest, which takes minutes where other work holds the cores. --threads are threads over chunks.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
