#!/usr/bin/env python3
"""A serial line with a thing at its end: bench.py PROGRAM FOLDER prints the line's path, and runs
PROGRAM FOLDER on the other side of it until it is ended."""
import os
import pty
import sys
import tty

near, far = pty.openpty()
tty.setraw(far)
print(os.ttyname(far), flush=True)
os.set_inheritable(far, True)  # without it the line would hang up before the station comes
os.dup2(near, 0)
os.dup2(near, 1)
os.execv(sys.argv[1], sys.argv[1:3])
