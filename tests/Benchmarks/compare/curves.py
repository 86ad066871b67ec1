#!/usr/bin/env python3
"""Measures how cost grows with objects, DIMMs, clients and the size of messages, of hostmemd, another QMP server and C.

    curves.py --json curves.json --a 'out/hostmemd {args} -qmp unix:{socket},server=on,wait=off' \\
              --b 'qemu-system-x86_64 {args} -nographic -nodefaults -qmp unix:{socket},server=on,wait=off' [CURVE...]

Commands as for compare.py. plot.py draws what is kept. A point is the best median of the rounds. A server leaves a curve where it can do no
more, or where a point takes longer than --patience seconds.
"""
import argparse, json, sys, time

from idle import add_option, waiting
from report import machine
from rows import PLUG, add, delete, request
from server import STATUS, Server, Tools, finish, figures

NONE = '-machine none -S'


def decades(last, steps=(1,)):
    return [n * 10 ** e for e in range(9) for n in steps if n * 10 ** e <= last]


def objects(tools, command, root, one_client, point):
    """A server with so many backends: one more comes and goes, one is read, the state is asked for."""
    with Server(command, NONE, root, one_client) as s:
        have = 0
        for count in decades(10000, (1, 3)):
            if count > have:
                tools.load('each', s.socket, have, count - have, add(1 << 16))
                have = count
            got = tools.load('each', s.socket, 0, 51,
                             add(1 << 16, 'more'), request('qom-get', path='m0', property='size'), STATUS, delete('more'))
            point('`object-add` + `object-del`', count, got['p50_0'] + got['p50_3'])
            point('`qom-get`', count, got['p50_1'])
            point('`query-status`', count, got['p50_2'])


def dimms(tools, command, root, one_client, point):
    """A server with so many DIMMs: one more is plugged."""
    most = 256 if one_client else 32000
    with Server(command, f'-M q35,accel=kvm -m 256M,slots={most},maxmem={most // 2 + 8}G -S', root, one_client) as s:
        have = 0
        for count in [1, *decades(most - 30, (1, 3))[2:], most - 30]:
            if count > have:
                tools.load('each', s.socket, have, count - have, add(1 << 21), PLUG)
                have = count
            # They stay: without a guest that agrees QEMU unplugs none.
            got = tools.load('each', s.socket, have, 25 if count > 1 else 5, add(1 << 21), PLUG)
            have += 25 if count > 1 else 5
            point('`device_add`', count, got['p50_1'])


def dimms_floor(tools, point):
    for count in [*decades(31970, (1, 3)), 31970]:
        point('the ioctl', count, tools.floor('slot', count, 2 << 20)['p50'])


def clients(tools, command, root, one_client, point):
    """A server with so many clients: all come, all are told of an event, one of them asks."""
    if one_client:
        return
    for count in decades(1000, (1, 3)):
        with Server(command, NONE, root) as s:
            load = tools.start('qmpload', 'clients', s.socket, count)
            seconds = figures(load.stdout.readline()).get('seconds')
            if seconds is None:
                finish(load, 'clients')
            orders = ['event 9', f'query 1 200 {STATUS}', f'query {count} 20 {STATUS}']
            load.stdin.write('\n'.join(orders) + '\n')
            load.stdin.flush()
            event, one, every = (figures(load.stdout.readline()) for _ in orders)
            finish(load, 'clients')
            point('all connect and negotiate', count, seconds * 1e6)
            point('an event at all', count, event['p50'])
            point('`query-status` of one', count, one['p50'])
            point('`query-status` of all at once', count, every['p50'])


def message(tools, command, root, one_client, point):
    """A request whose id makes it so long; the id comes back."""
    with Server(command, NONE, root, one_client) as s:
        for size in decades(30_000_000, (1, 3)) + [(64 << 20) - 1024]:
            if size < 100:
                continue
            with open(s.dir + '/request', 'w') as f:
                f.write('{"execute": "query-status", "id": "%s"}' % ('x' * (size - 40)))
            times = 201 if size < 10000 else 15 if size < 1000000 and not one_client else 3 if size < 1000000 or not one_client else 1
            got = tools.load('rtt', s.socket, times, 1, '@' + s.dir + '/request')
            point('request to reply', size, got['p50'])


def message_floor(tools, point):
    for size in decades(30_000_000, (1, 3)) + [(64 << 20) - 1024]:
        if size >= 100:
            with Server(tools.floor_server(size)) as s:
                with open(s.dir + '/request', 'w') as f:
                    f.write('x' * size)
                got = tools.load('rtt', s.socket, 201 if size < 10000 else 5, 1, '@' + s.dir + '/request')
                point('as many bytes both ways', size, got['p50'])


CURVES = {
    'objects': (objects, None, 'backends that are there', 'count'),
    'dimms': (dimms, dimms_floor, 'DIMMs that are plugged', 'count'),
    'clients': (clients, None, 'clients on one socket', 'count'),
    'message': (message, message_floor, 'length of the message', 'bytes'),
}


class OutOfPatience(Exception):
    pass


def measure(tools, name, o):
    walk, floor, x, unit = CURVES[name]
    series = {}

    def run(who, work):
        last = time.monotonic()

        def point(what, at, us):
            nonlocal last
            points = series.setdefault((who, what), {})
            points[at] = min(us, points.get(at, us))
            took, last = time.monotonic() - last, time.monotonic()
            if took > o.patience:
                raise OutOfPatience(f'{took:.0f} s for the point at {at}')

        try:
            work(point)
        except (OutOfPatience, RuntimeError) as e:
            print(f'{name}: {who}: {e}', file=sys.stderr)

    for turn in range(o.rounds):
        run('hostmemd', lambda point: walk(tools, o.a, '', False, point))
        if o.b and turn == 0:
            run(o.name_b, lambda point: walk(tools, o.b, o.chroot_b, True, point))
        if floor:
            run('C', lambda point: floor(tools, point))
    return {'x': x, 'x-unit': unit, 'series': [
        {'who': who, 'what': what, 'points': sorted(points.items())} for (who, what), points in series.items()]}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--a', required=True)
    ap.add_argument('--b')
    ap.add_argument('--name-b', default='QEMU')
    ap.add_argument('--chroot-b', default='', metavar='ROOT')
    ap.add_argument('--rounds', type=int, default=3, help='of A and C; B goes once')
    ap.add_argument('--patience', type=float, default=25)
    ap.add_argument('--json', required=True, metavar='FILE', help='curves that are measured replace those it has')
    add_option(ap)
    ap.add_argument('curves', nargs='*', metavar='CURVE', help=f"of {', '.join(CURVES)}; all without one")
    o = ap.parse_args()
    if set(o.curves) - set(CURVES):
        ap.error('there is no such curve')
    try:
        with open(o.json) as f:
            kept = json.load(f)
    except FileNotFoundError:
        kept = {'curves': {}}
    with waiting(o.halt_poll), Tools() as tools:
        kept.update(machine=machine(), date=time.strftime('%Y-%m-%d'))
        for name in o.curves or CURVES:
            kept['curves'][name] = measure(tools, name, o)
            with open(o.json, 'w') as f:
                json.dump(kept, f, indent=1)
                f.write('\n')


if __name__ == '__main__':
    main()
