#!/usr/bin/env python3
"""Measures a QMP server beside another one and beside a bare server in C, interleaved, and holds the figures against their goals.

    compare.py --a 'out/hostmemd {args} -qmp unix:{socket},server=on,wait=off' \\
               --b 'qemu-system-x86_64 {args} -nographic -nodefaults -qmp unix:{socket},server=on,wait=off' [ROW...]

{args} becomes the arguments of a row (machine, memory), {socket} a path. Rounds run A, B, floor, A, B, floor; what is shown is the best
of the rounds, each the median of many requests where the row has many. Machines are noisy: read the ratio, not the time.
Needs gcc. B may be seen through a chroot (--chroot-b ROOT; its command does the chroot itself).
"""
import argparse, json, os, sys, time

from goals import FIGURES
from idle import add_option, waiting
from report import machine, markdown, table_line, TITLE
from rows import ROWS
from server import Server, Tools


def measure_row(tools, row, o, result):
    best = {name: {} for name in ('a', 'b', 'floor')}

    def note(name, figures):
        for figure, value in figures.items():
            best[name].setdefault(figure, []).append(value)

    for turn in range(o.rounds * row.times):
        measured = None
        for name, command, root in (('a', o.a, ''), ('b', o.b, o.chroot_b)):
            if not command or (name == 'b' and (row.alone or (row.once and turn))):
                continue
            with Server(command, row.args, root, one_client=name == 'b' and not o.many_b) as s:
                note(name, row.measure(tools, s))
                if name == 'a':
                    note('floor', s.floor)
                    measured = s
        if row.floor and measured:
            floor = row.floor(tools, measured)
            if isinstance(floor, str):
                with Server(floor) as s:
                    floor = row.measure(tools, s)
            note('floor', floor)

    for name in row.figures:
        figure = FIGURES[name]
        rounds = {of: best[of][name] for of in best if name in best[of]}
        value = {of: min(values) for of, values in rounds.items()}
        try:
            reached = figure.reached(*(value.get(of) for of in ('a', 'b', 'floor')))
        except TypeError:       # the goal counts from something that was not measured
            reached = None
        result[name] = {**value, 'unit': figure.unit, 'what': figure.what, 'goal': figure.goal, 'reached': reached, 'rounds': rounds}
        if o.markdown is None:
            print(table_line(name, result[name]), flush=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--a', help='command of the server to measure')
    ap.add_argument('--b', help='command of the one beside it')
    ap.add_argument('--chroot-b', default='', metavar='ROOT')
    ap.add_argument('--lend-qemu', default='', metavar='COMMAND', help='the QEMU of the row lend')
    ap.add_argument('--wrapper', default='', metavar='FILE', help='qemu-hostmem, for lending by CPR to a QEMU 11.1')
    ap.add_argument('--many-b', action='store_true', help='B serves several clients on one socket')
    ap.add_argument('--rounds', type=int, default=3)
    ap.add_argument('--json', metavar='FILE', help='keeps every figure of every round')
    ap.add_argument('--markdown', metavar='NAME-OF-B', nargs='?', const='QEMU', help='prints the table of docs/performance.md')
    ap.add_argument('--from', dest='source', metavar='FILE', action='append', default=[],
                        help='shows figures kept by --json, measures nothing; repeatable')
    add_option(ap)
    ap.add_argument('rows', nargs='*', metavar='ROW', help=f"of {', '.join(ROWS)}; all without one")
    o = ap.parse_args()
    if bool(o.a) == bool(o.source) or set(o.rows) - set(ROWS):
        ap.error('give either --a or --from, and rows that exist')

    with waiting(o.halt_poll):
        return run(o)


def run(o):
    kept = {'machine': machine(), 'date': time.strftime('%Y-%m-%d'), 'rounds': o.rounds, 'rows': {}}
    failed = False
    for source in o.source:
        with open(source) as f:
            more = json.load(f)
        kept = {**more, 'rows': {**kept['rows'], **more['rows']}}
    kept['rows'] = {name: kept['rows'][name] for name in FIGURES if name in kept['rows']}
    if o.a:
        if o.markdown is None:
            print(TITLE)
        with Tools(o.lend_qemu, o.wrapper) as tools:
            for name in o.rows or ROWS:
                try:
                    measure_row(tools, ROWS[name], o, kept['rows'])
                except (RuntimeError, OSError) as e:      # a row that cannot run is told, the others go on
                    failed = True
                    print(f'{name}: {e}', file=sys.stderr)
    elif o.markdown is None:
        print(TITLE)
        for name, row in kept['rows'].items():
            print(table_line(name, row))
    if o.markdown is not None:
        print(markdown(kept, o.markdown))
    if o.json:
        with open(o.json, 'w') as f:
            json.dump(kept, f, indent=1)
            f.write('\n')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
