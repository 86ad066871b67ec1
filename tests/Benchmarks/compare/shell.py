#!/usr/bin/env python3
"""How long a person waits for qmp-shell: from the start to the prompt, for TAB, and for show, on a terminal (pty).

usage: shell.py SHELL SOCKET [--python PATH]

SHELL is the program, SOCKET a server's. For TAB and show the server gets 1,000 memory backends with pages, which stay. With --python, QEMU's
qmp-shell (the package qemu.qmp below PATH) is started beside it, one after the other in the same run.
"""
import argparse
import fcntl
import json
import os
import pty
import select
import socket
import statistics
import struct
import tempfile
import termios
import time

ROUNDS = 20
OBJECTS = 1000
TAB, ENTER, KILL_LINE, END = b"\t", b"\r", b"\x15", b"\x04"


class Shell:
    def __init__(self, command, environment):
        self.start = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, {**os.environ, "TERM": "xterm", **environment})
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))

    def until(self, wanted):
        seen = b""
        while wanted not in seen:
            if not select.select([self.fd], [], [], 10)[0]:
                raise SystemExit(f"{wanted!r} did not come, but {seen[-500:]!r}")
            seen += os.read(self.fd, 1 << 20)

    def settle(self):
        while select.select([self.fd], [], [], 0.05)[0]:
            os.read(self.fd, 1 << 20)

    def end(self):
        os.write(self.fd, END)
        try:
            while os.read(self.fd, 1 << 16):
                pass
        except OSError:
            pass
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def tell(name, times):
    print(f"{name}: median {statistics.median(times):.1f} ms, best {min(times):.1f}, worst {max(times):.1f}")


def prompt(command, wanted, environment):
    shell = Shell(command, environment)
    shell.until(wanted)
    elapsed = time.perf_counter() - shell.start
    shell.end()
    return elapsed * 1000


def starts(options, environment):
    programs = {"a process that prints (echo)": (["echo", ") "], {}), "qmp-shell": ([options.shell, options.socket], {})}
    if options.python:
        programs["QEMU's qmp-shell"] = (["python3", "-m", "qemu.qmp.qmp_shell", options.socket], {"PYTHONPATH": options.python})
    times = {name: [] for name in programs}
    for _ in range(ROUNDS):
        for name, (command, more) in programs.items():
            times[name].append(prompt(command, b") ", {**environment, **more}))
    for name in programs:
        tell(f"to the prompt, {name}", times[name])


def fill(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        lines = server.makefile("rw")
        lines.readline()

        def ask(command, **arguments):
            lines.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
            lines.flush()
            return lines.readline()

        ask("qmp_capabilities")
        for i in range(OBJECTS):
            ask("object-add", **{"qom-type": "memory-backend-memfd", "id": f"mem{i}", "size": 65536, "prealloc": True})
        # What show backends asks for, without the shell.
        for command, arguments in [("query-memory-usage", {"placement": True}), ("query-memory-loans", {})]:
            times = []
            for _ in range(ROUNDS):
                start = time.perf_counter()
                ask(command, **arguments)
                times.append((time.perf_counter() - start) * 1000)
            tell(f"{command} alone", times)


def waits(options, environment):
    shell = Shell([options.shell, options.socket], environment)
    shell.until(b") ")
    for name, typed, key, wanted in [
        ("TAB, an id among 1,000", b"object-del id=mem998", TAB, b"mem998 "),
        ("TAB, 111 ids of 1,000", b"object-del id=mem99", TAB, b"mem99"),
        ("TAB, a QOM path", b"qom-get path=/objects/mem55", TAB, b"mem55"),
        ("TAB, an argument", b"object-add qom-type=memory-backend-memfd pol", TAB, b"policy="),
        ("show backends, 1,000 of them", b"show backends", ENTER, b" resident of "),
        ("show memory", b"show memory", ENTER, b"base memory"),
    ]:
        times = []
        for _ in range(ROUNDS):
            os.write(shell.fd, typed)
            shell.settle()
            start = time.perf_counter()
            os.write(shell.fd, key)
            shell.until(wanted)
            times.append((time.perf_counter() - start) * 1000)
            os.write(shell.fd, KILL_LINE if key == TAB else b"")
            shell.settle()
        tell(name, times)
    shell.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shell")
    parser.add_argument("socket")
    parser.add_argument("--python", help="folder that has the package qemu.qmp")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        starts(options, {"HOME": home})
        fill(options.socket)
        waits(options, {"HOME": home})


main()
