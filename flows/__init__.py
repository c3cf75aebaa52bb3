"""What runs, in which order, with what retries. The only room that knows Prefect."""

import os

# Matrices here are small: the threads of the linear algebra wait for one another, and take cores from other work.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
