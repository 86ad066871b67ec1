"""How rows are measured. A measurement takes a fresh server and gives one or several figures; what they mean stands in goals.py."""
import json, threading, time
from dataclasses import dataclass
from typing import Callable, Optional

from lending import lend
from goals import FIGURES_OF_SLOTS, SLOT_COUNTS
from server import STATUS, Server, finish, figures

NONE = '-machine none -S'
Q35 = '-M q35,accel=kvm -m 256M,maxmem=4G,slots=64 -S'
STALL_SIZE, PREALLOC_SIZE, THREADS = 4 << 30, 2 << 30, 2
CLIENTS = 1000
MOST_SLOTS, DIMM_SIZE, SLOT_TURNS = 32000, 2 << 20, 2000
DIMMS = f'-M q35,accel=kvm -m 256M,slots={MOST_SLOTS},maxmem={(MOST_SLOTS * DIMM_SIZE >> 30) + 1}G -S'


def request(command, **arguments):
    arguments = {name.replace('_', '-'): value for name, value in arguments.items()}
    return json.dumps({'execute': command, **({'arguments': arguments} if arguments else {})})


def add(size, name='m#', **more):
    return request('object-add', qom_type='memory-backend-memfd', id=name, size=size, share=True, **more)


def delete(name='m#'):
    return request('object-del', id=name)


MEMORY = request('object-add', qom_type='memory-backend-ram', id='m#', size=DIMM_SIZE, reserve=False)
PLUG, UNPLUG = request('device_add', driver='pc-dimm', id='d#', memdev='m#'), request('device_del', id='d#')


def start(tools, s):
    return {'start': s.ready_ms}


def rss(tools, s):
    time.sleep(0.3)
    return {'rss': s.memory_kb('VmRSS') / 1024, 'dirty': s.memory_kb('Private_Dirty', 'smaps_rollup') / 1024}


def rtt(tools, s):
    got = tools.load('rtt', s.socket, 5000, 1, STATUS)
    return {'rtt': got['p50'], 'rtt99': got['p99']}


def pipelined(tools, s):
    return {'pipelined': 1e6 / tools.load('rtt', s.socket, 300, 64, STATUS)['rate']}


def schema(tools, s):
    got = tools.load('rtt', s.socket, 30, 1, request('query-qmp-schema'))
    s.reply_bytes = int(got['bytes'])
    return {'schema': got['p50']}


def echo_of(size, row, count):
    """A query-status whose id makes it so many bytes; the id comes back."""
    def measure(tools, s):
        with open(s.dir + '/request', 'w') as f:
            f.write('{"execute": "query-status", "id": "%s"}' % ('x' * (size - 40)))
        got = tools.load('rtt', s.socket, count, 1, '@' + s.dir + '/request')
        s.reply_bytes = int(got['bytes'])
        return {row: got['p50']}
    return measure


def objects(tools, s):
    got = tools.load('each', s.socket, 0, 200, add(2 << 20), delete())
    return {'objects': got['p50_0'] + got['p50_1']}


def plug(tools, s):
    got = tools.load('each', s.socket, 0, 25, add(128 << 20), PLUG)
    return {'plug': got['p50_1']}


def slots(tools, s):
    """One more DIMM comes and goes on a server that has so many; they need no descriptors and reserve nothing. QEMU has 256 slots at most."""
    got, have = {}, 0
    for count in SLOT_COUNTS:
        tools.load('each', s.socket, have, count - 1 - have, MEMORY, PLUG) if count - 1 > have else None
        have = count - 1
        one = tools.load('each', s.socket, have, SLOT_TURNS, MEMORY, PLUG, UNPLUG, delete())
        got |= {f'slotadd{count}': one['p50_1'], f'slotadd{count}-99': one['p99_1'],
                f'slotdel{count}': one['p50_2'], f'slotdel{count}-99': one['p99_2']}
    return got


def slots_in_c(tools, s):
    got = {}
    for count in SLOT_COUNTS:
        one = tools.floor('slot', count, DIMM_SIZE)     # as many as there are with the machine's own memory
        got |= {f'slotadd{count}': one['p50'], f'slotadd{count}-99': one['p99'],
                f'slotdel{count}': one['p50_del'], f'slotdel{count}-99': one['p99_del']}
    return got


def stall(tools, s):
    """One client populates; one queries every 2 ms, one makes and removes backends every 5 ms, both from when they were due. The floor is
    the same on the idle server. QEMU serves one client a socket: there the query is sent behind the slow command, which is what its
    user sees."""
    slow = add(STALL_SIZE, 'slow', prealloc=True, prealloc_threads=THREADS)
    if s.one_client:
        got = tools.load('each', s.socket, 0, 1, slow, STATUS)
        return {'stall99': got['p50_0'] + got['p50_1'], 'stallmax': got['p50_0'] + got['p50_1']}

    def probes(name, work):
        query = tools.start('qmpload', 'probe', s.socket, 2000, 60, STATUS)
        change = tools.start('qmpload', 'probe', s.socket, 2500, 60, add(2 << 20, name), delete(name))
        time.sleep(0.2)
        try:
            work()
        finally:
            query.terminate()
            change.terminate()
        return finish(query, 'query probe'), finish(change, 'object-add probe')

    idle, idle_change = probes('idle#', lambda: time.sleep(1))
    growth = Growth()
    busy, change = probes('busy#', lambda: growth.during(lambda: tools.load('each', s.socket, 0, 1, slow)))
    s.floor = {'stall99': idle['p99'], 'stallmax': idle['max'], 'stalladd99': idle_change['p99'], 'stalladdmax': idle_change['max']}
    return {'stall99': busy['p99'], 'stallmax': busy['max'], 'stalladd99': change['p99'], 'stalladdmax': change['max'],
            'stallgrow': growth.longest_pause * 1e3}


class Growth:
    """How long the host's shared memory stood still while something populated it."""
    longest_pause = 0.0

    def during(self, work):
        done = threading.Event()
        watch = threading.Thread(target=self._watch, args=(done,))
        watch.start()
        try:
            work()
        finally:
            done.set()
            watch.join()

    def _watch(self, done):
        last, since = self._shared(), time.monotonic()
        while not done.wait(0.02):
            now = self._shared()
            self.longest_pause = max(self.longest_pause, time.monotonic() - since)
            if now > last:
                last, since = now, time.monotonic()

    @staticmethod
    def _shared():
        with open('/proc/meminfo') as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith('Shmem:'))


def prealloc(tools, s):
    got = tools.load('each', s.socket, 0, 1, add(PREALLOC_SIZE, prealloc=True, prealloc_threads=THREADS))
    return {'prealloc': got['p50_0'] / 1e3}


def clients(tools, s):
    if s.one_client:
        return {}
    before = s.memory_kb('VmRSS')
    load = tools.start('qmpload', 'clients', s.socket, CLIENTS)

    def order(text):
        load.stdin.write(text + '\n')
        load.stdin.flush()
        return figures(load.stdout.readline())

    try:
        seconds = figures(load.stdout.readline())['seconds']
        each = (s.memory_kb('VmRSS') - before) / CLIENTS
        event = order('event 9')['p50'] / 1e3
        fair = order(f'query 100 50 {STATUS}')
        got = {'clients': seconds * 1e3, 'clientkb': each, 'event': event, 'fair': fair['p99'] / fair['p50'],
               'fairall': fair['p99_all'] / fair['p50_all']}
    except (KeyError, BrokenPipeError):     # it ended; what it said is raised below
        got = {}
    finish(load, 'clients')
    return got


@dataclass
class Row:
    measure: Callable
    figures: tuple
    args: str = NONE
    floor: Optional[Callable] = None        # (tools, the server that was measured) -> a command with {socket}, or figures
    times: int = 1                          # so many times the rounds asked for
    once: bool = False                      # the other server takes long: in the first round only
    alone: bool = False                     # the other server takes minutes, or cannot: not at all


def echo(tools, s):
    """The floor that sends as many bytes."""
    return tools.floor_server(getattr(s, 'reply_bytes', 0))


def stall_in_c(tools, s):
    """What the scheduler and the kernel's memory make of it: an echo is probed while another program in C populates."""
    with Server(tools.floor_server()) as echo_server:
        probe = tools.start('qmpload', 'probe', echo_server.socket, 2000, 60, STATUS)
        time.sleep(0.2)
        tools.floor('populate', STALL_SIZE, THREADS)
        probe.terminate()
        got = finish(probe, 'probe of the floor')
    return {'stallc99': got['p99'], 'stallcmax': got['max']}


def slot(tools, s):
    return {'plug': tools.floor('slot', 13, 128 << 20)['p50']}     # half of the 25 that `plug` makes are there


def populate(tools, s):
    return {'prealloc': tools.floor('populate', PREALLOC_SIZE, THREADS)['us'] / 1e3}


ROWS = {
    'start': Row(start, ('start',), floor=echo),
    'rss': Row(rss, ('rss', 'dirty')),
    'rtt': Row(rtt, ('rtt', 'rtt99'), floor=echo),
    'pipelined': Row(pipelined, ('pipelined',), floor=echo),
    'schema': Row(schema, ('schema',), floor=echo),
    'big': Row(echo_of(1 << 20, 'big', 5), ('big',), floor=echo, once=True),
    'big64': Row(echo_of((64 << 20) - 1024, 'big64', 3), ('big64',), floor=echo, alone=True),
    'objects': Row(objects, ('objects',)),
    'plug': Row(plug, ('plug',), args=Q35, floor=slot),
    'slots': Row(slots, tuple(FIGURES_OF_SLOTS), args=DIMMS, floor=slots_in_c, alone=True),
    'stall': Row(stall, ('stall99', 'stallmax', 'stalladd99', 'stalladdmax', 'stallgrow', 'stallc99', 'stallcmax'),
                 floor=stall_in_c, once=True),
    'prealloc': Row(prealloc, ('prealloc',), floor=populate, times=5),
    'clients': Row(clients, ('clients', 'event', 'clientkb', 'fair', 'fairall')),
    'lend': Row(lend, ('lendpath', 'lendcpr'), times=3, alone=True),
}
