#!/usr/bin/env python3
"""Measures two QMP servers, as two builds of hostmemd, by one client that asks them in turn: both meet the same machine at every moment,
so that differences of a few in a hundred show where runs one after the other differ by twenty.

    turns.py --a 'out/hostmemd {args} -qmp unix:{socket},server=on,wait=off' --b 'old/hostmemd {args} -qmp unix:{socket},server=on,wait=off'

--dimms: so many are there already. A DIMM's backend is made, it is plugged, unplugged, its backend removed, and the state is asked for.
"""
import argparse

from idle import add_option, waiting
from report import number
from rows import DIMMS, MEMORY, PLUG, UNPLUG, delete
from server import STATUS, Server, Tools

COMMANDS = {'object-add': MEMORY, 'device_add': PLUG, 'device_del': UNPLUG, 'object-del': delete(), 'query-status': STATUS}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('--a', required=True)
    options.add_argument('--b', required=True)
    options.add_argument('--dimms', type=int, default=0)
    options.add_argument('--turns', type=int, default=2500)
    options.add_argument('--runs', type=int, default=3)
    add_option(options)
    options = options.parse_args()
    with waiting(options.halt_poll), Tools() as tools:
        for run in range(options.runs):
            with Server(options.a, DIMMS) as a, Server(options.b, DIMMS) as b:
                for s in (a, b):
                    if options.dimms:
                        tools.load('each', s.socket, 0, options.dimms, MEMORY, PLUG)
                both = f'{a.socket},{b.socket}'
                tools.load('each', both, options.dimms, 300, *COMMANDS.values())
                got = tools.load('each', both, options.dimms, options.turns, *COMMANDS.values())
            print(f"{f'run {run + 1}, us':14}{'p50 b':>8}{'p50 a':>8}{'a/b':>7}{'p99 b':>8}{'p99 a':>8}{'a/b':>7}")
            for k, name in enumerate(COMMANDS):
                figures = [(got[f'{q}_{k}_b'], got[f'{q}_{k}_a']) for q in ('p50', 'p99')]
                print(f'{name:14}' + ''.join(f'{number(old):>8}{number(new):>8}{new / old:>7.2f}' for old, new in figures))


if __name__ == '__main__':
    main()
