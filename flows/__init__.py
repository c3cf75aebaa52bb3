"""The command line and the flows: they load, call, store and tell; the other rooms do the work."""

import os

# Matrices here are small: the threads of the linear algebra wait for one another, and take cores from other work.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
