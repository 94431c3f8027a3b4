"""Runs a command on a terminal of its own, answers the first question, and ends with the command's exit code.

`python3 terminal.py ANSWER COMMAND...`; what the command wrote goes to standard output.
"""

import os
import pty
import sys

answer, command = sys.argv[1], sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)
written, answered = b"", False
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:  # Linux says so when the other end is closed.
        break
    if not piece:
        break
    written += piece
    if not answered and b" to go on: " in written:
        os.write(terminal, f"{answer}\n".encode())
        answered = True
_, status = os.waitpid(child, 0)
sys.stdout.buffer.write(written)
sys.exit(os.waitstatus_to_exitcode(status))
