"""What each figure means, and the goal it is held against."""
from dataclasses import dataclass
from typing import Callable


@dataclass
class Figure:
    what: str
    unit: str
    goal: str
    reached: Callable       # (a, b, floor), the best of the rounds of each; TypeError where one of them was not measured


SLOT_COUNTS = (1, 100, 10000, 32000)


def near_the_ioctl(a, b, f):
    return a <= 1.5 * f + 100


FIGURES_OF_SLOTS = {
    f'slot{what}{count}{tail}': Figure(f'`{command}` as one of {count:,} DIMMs of 2 MiB; {tail[1:] and "p99" or "p50"}; the floor is the ioctl',
                                       'us', '≤ 1.5 × floor + 100', near_the_ioctl)
    for count in SLOT_COUNTS for what, command in (('add', 'device_add'), ('del', 'device_del')) for tail in ('', '-99')
}

FIGURES = {
    'start': Figure('spawn to first answer, VM made', 'ms', '≤ 1/4 of the other and ≤ 12', lambda a, b, f: a <= 12 and a <= b / 4),
    'rss': Figure('resident when idle', 'MiB', '≤ 10', lambda a, b, f: a <= 10),
    'dirty': Figure('of it private and dirty', 'MiB', '≤ 3', lambda a, b, f: a <= 3),
    'rtt': Figure('`query-status`, one at a time; p50', 'us', '≤ floor + 20', lambda a, b, f: a <= f + 20),
    'rtt99': Figure('the same; p99', 'us', '≤ floor + 100', lambda a, b, f: a <= f + 100),
    'pipelined': Figure('`query-status`, 64 in flight; each', 'us', '≤ 3', lambda a, b, f: a <= 3),
    'schema': Figure('`query-qmp-schema`; p50; the floor sends as many bytes', 'us', '≤ 2 × floor', lambda a, b, f: a <= 2 * f),
    'big': Figure('`query-status` with an id of 1 MB', 'us', '≤ 5,000', lambda a, b, f: a <= 5000),
    'big64': Figure('the same, 64 MB: just under the limit of a message', 'us', '≤ 400,000', lambda a, b, f: a <= 400000),
    'objects': Figure('`object-add` and `object-del`, memfd of 2 MiB', 'us', '≤ 1/8 of the other', lambda a, b, f: a <= b / 8),
    'plug': Figure('`device_add` of a pc-dimm; the floor is the ioctl', 'us', '≤ 1/10 of the other', lambda a, b, f: a <= b / 10),
    **FIGURES_OF_SLOTS,
    'stall99': Figure('`query-status` from when due while 4 GiB are populated by 2 threads; p99; the floor is the idle daemon',
                      'us', '≤ floor + 2,000', lambda a, b, f: a <= f + 2000),
    'stallmax': Figure('the same; worst', 'us', '≤ floor + 20,000', lambda a, b, f: a <= f + 20000),
    'stalladd99': Figure('`object-add` of another client meanwhile; p99', 'us', '≤ 5,000', lambda a, b, f: a <= 5000),
    'stalladdmax': Figure('the same; worst', 'us', '≤ 20,000', lambda a, b, f: a <= 20000),
    'stallgrow': Figure('longest time in which resident bytes did not grow', 'ms', '≤ 100', lambda a, b, f: a <= 100),
    'stallc99': Figure('an echo in C, from when due, while C populates as much by 2 threads; p99', 'us', '', lambda a, b, f: None),
    'stallcmax': Figure('the same; worst', 'us', '', lambda a, b, f: None),
    'prealloc': Figure('`object-add`, 2 GiB populated by 2 threads; the floor is C', 'ms', '≥ 0.95 of C', lambda a, b, f: f / a >= 0.95),
    'clients': Figure('1,000 clients on one socket negotiated', 'ms', '≤ 500', lambda a, b, f: a <= 500),
    'event': Figure('an event at all of them', 'ms', '≤ 50', lambda a, b, f: a <= 50),
    'clientkb': Figure('resident for each of them', 'KiB', '≤ 32', lambda a, b, f: a <= 32),
    'fair': Figure('100 of them querying at once: p99 over the clients by their median', '', '≤ 5', lambda a, b, f: a <= 5),
    'fairall': Figure('the same over all their queries', '', '≤ 5', lambda a, b, f: a <= 5),
    'lendpath': Figure('QEMU to `running` on 1 GiB of ours by path; the floor is the same on its own memfd', 'ms', '≤ 1.1 × floor',
                       lambda a, b, f: a <= 1.1 * f),
    'lendcpr': Figure('the same by CPR, a guest_memfd', 'ms', '≤ 2.5 × floor', lambda a, b, f: a <= 2.5 * f),
}
