#!/usr/bin/env python3
"""Has random conversations with two QMP servers and prints where they answer otherwise: hostmemd, and the QEMU that it is to be like.

    converse.py --a 'out/hostmemd {args} -keep none -qmp unix:{socket},server=on,wait=off' \\
                --b 'qemu-system-x86_64 {args} -nographic -nodefaults -qmp unix:{socket},server=on,wait=off'

Printed is what one server takes and the other refuses, and what both answer but not alike; with --errors also where both refuse in other
words, as of a request with several things wrong. After a difference in what is taken the conversation ends, as the servers differ from then on.
--bytes sends text that is mostly no JSON instead, and compares everything. The same --seed is the same conversation. What differs on purpose
is in docs/differences.md; new differences become transcripts."""
import argparse
import collections
import json
import os
import random
import re
import select
import shlex
import socket
import subprocess
import tempfile
import time

import requests_at_random as at_random

MACHINES = ['-M q35,accel=kvm -m 256M,maxmem=8G,slots=16 -S'] * 3 + ['-machine none -S']
PATIENCE = 20
# Of one process, or of one moment.
VOLATILE = {'timestamp', 'thread-id', 'description'}


class Server:
    def __init__(self, command, args, folder, name):
        self.folder = f'{folder}/{name}'
        os.makedirs(self.folder)
        with open(self.folder + '/small', 'wb') as file:
            file.truncate(8192)
        path = self.folder + '/qmp'
        line = shlex.split(command.format(args=args, socket=path))
        if '/' in line[0]:
            line[0] = os.path.abspath(line[0])
        # A mem-path at random may name a file, which is made where the server runs.
        self.process = subprocess.Popen(line, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.socket = socket.socket(socket.AF_UNIX)
        self.pending = b''
        end = time.monotonic() + PATIENCE
        while self.socket.connect_ex(path):
            if time.monotonic() > end or self.process.poll() is not None:
                raise SystemExit(f'no server: {shlex.join(line)}')
            time.sleep(0.02)
        self.next()
        self.ask({'execute': 'qmp_capabilities'})

    def next(self):
        while b'\n' not in self.pending:
            if not select.select([self.socket], [], [], PATIENCE)[0]:
                raise TimeoutError
            piece = self.socket.recv(1 << 20)
            if not piece:
                raise EOFError
            self.pending += piece
        line, self.pending = self.pending.split(b'\n', 1)
        return json.loads(line)

    def ask(self, request):
        """The reply, and the names of the events before it."""
        self.socket.sendall(json.dumps(request).replace(at_random.FOLDER, self.folder).encode() + b'\n')
        events = []
        while 'event' in (message := self.next()):
            events.append(message['event'])
        return message, events

    def send(self, text, mark):
        """All that is said to a text, up to the reply of a request behind it that is marked so."""
        # 0xff ends whatever is unfinished.
        self.socket.sendall(text + b'\n\xff{"execute": "query-name", "id": "%s"}\n' % mark.encode())
        said = []
        while (message := self.next()).get('id') != mark:
            said.append(message)
        return said

    def close(self):
        self.process.kill()
        self.process.wait()
        self.socket.close()


def comparable(message, server):
    """Without what no two servers say alike: order of listed objects, threads, folders."""
    def plain(value):
        if isinstance(value, dict):
            thread = value.get('name') == 'thread-id'
            return {k: plain(v) for k, v in sorted(value.items()) if k not in VOLATILE and not (thread and k == 'value')}
        if isinstance(value, list):
            items = [plain(item) for item in value]
            return sorted(items, key=json.dumps) if items and isinstance(items[0], dict) else items
        return value
    return plain(json.loads(json.dumps(message).replace(server.folder, at_random.FOLDER)))


class Report:
    """Each kind of difference once."""

    def __init__(self):
        self.kinds = collections.Counter()

    def add(self, where, request, a, b):
        def shape(message):
            return re.sub(r"'[^']*'|\d+|/[\w/.%-]+", '#', json.dumps(message.get('error', {}).get('desc', 'taken') if isinstance(message, dict) else message))
        kind = (request.get('execute') if isinstance(request, dict) else None, shape(a), shape(b))
        self.kinds[str(kind)] += 1
        if self.kinds[str(kind)] == 1:
            print(f'{where}\n  -> {request if isinstance(request, bytes) else json.dumps(request)}\n  a  {json.dumps(a)[:800]}\n  b  {json.dumps(b)[:800]}', flush=True)


def converse(options, seed, folder, report):
    chance = random.Random(seed)
    machine = chance.choice(MACHINES)
    a, b = Server(options.a, machine, folder, 'a'), Server(options.b, machine, folder, 'b')
    try:
        for step in range(options.length):
            request = at_random.request(chance)
            where = f'seed {seed}, step {step}'
            try:
                (to_a, events_a), (to_b, events_b) = a.ask(request), b.ask(request)
            except (EOFError, OSError) as e:
                report.add(where, request, {'a': a.process.poll()}, {'b': b.process.poll(), 'error': {'desc': repr(e)}})
                return
            refused = ('error' in to_a) + ('error' in to_b)
            if (comparable(to_a, a), events_a) != (comparable(to_b, b), events_b) and (refused < 2 or options.errors):
                report.add(where, request, to_a | {'events': events_a}, to_b | {'events': events_b})
            if refused == 1:
                return
    finally:
        a.close()
        b.close()


def send_bytes(options, seed, folder, report):
    chance = random.Random(seed)
    a, b = Server(options.a, MACHINES[-1], folder, 'a'), Server(options.b, MACHINES[-1], folder, 'b')
    try:
        for step in range(options.length):
            text = at_random.text(chance)
            to_a, to_b = a.send(text, f'mark {step}'), b.send(text, f'mark {step}')
            if comparable(to_a, a) != comparable(to_b, b):
                report.add(f'seed {seed}, step {step}', text, to_a, to_b)
    finally:
        a.close()
        b.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--a', required=True)
    parser.add_argument('--b', required=True)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--count', type=int, default=50, help='conversations')
    parser.add_argument('--length', type=int, default=60, help='requests of each')
    parser.add_argument('--errors', action='store_true')
    parser.add_argument('--bytes', action='store_true')
    options = parser.parse_args()
    report = Report()
    for seed in range(options.seed, options.seed + options.count):
        with tempfile.TemporaryDirectory(prefix='converse-') as folder:
            (send_bytes if options.bytes else converse)(options, seed, folder, report)
    print(f'{sum(report.kinds.values())} differences of {len(report.kinds)} kinds')


if __name__ == '__main__':
    main()
