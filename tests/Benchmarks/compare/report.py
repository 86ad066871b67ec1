"""Tables of what was measured, for people and for docs/performance.md."""
import os

from idle import longest_wait

TITLE = f"{'row':12}{'unit':5}{'floor':>12}{'b':>12}{'a':>12}{'a/b':>8}{'a/floor':>9}  {'goal':30}reached"


def machine():
    """What figures depend on."""
    with open('/proc/cpuinfo') as lines:
        model = next((line.split(':')[1].strip() for line in lines if line.startswith('model name')), 'unknown')
    with open('/proc/meminfo') as lines:
        memory = int(next(lines).split()[1])
    return {'processor': f'{model}, {os.cpu_count()} CPUs', 'memory': f'{memory / (1 << 20):.0f} GiB',
            'kernel': 'Linux ' + '.'.join(os.uname().release.split('.')[:2]), 'halt_poll_ns': longest_wait()}


def number(value):
    """Three digits are what these machines can tell apart."""
    if value is None:
        return '–'
    if value >= 1000:
        digits = len(str(int(value))) - 3
        return f'{round(value / 10 ** digits) * 10 ** digits:,}'
    return f'{value:.0f}' if value >= 100 else f'{value:.1f}' if value >= 10 else f'{value:.2g}'


def ratio(value, to):
    return '–' if value is None or not to else f'{value / to:.2f}' if value / to >= 0.095 else f'{value / to:.1g}'


def said(reached):
    return {None: '–', True: 'yes', False: 'NO'}[reached]


def table_line(name, row):
    a, b, floor = (row.get(of) for of in ('a', 'b', 'floor'))
    return (f"{name:12}{row['unit']:5}{number(floor):>12}{number(b):>12}{number(a):>12}{ratio(a, b):>8}{ratio(a, floor):>9}"
            f"  {row['goal']:30}{said(row['reached'])}")


def markdown(kept, other):
    """The figures as a table of docs/performance.md."""
    lines = ['| | |', '|---|---|', *(f'| {key} | {value} |' for key, value in kept['machine'].items()),
             f"| date | {kept['date']} |", f"| rounds | {kept['rounds']} |", '',
             f'| row | what is measured | unit | floor | {other} | hostmemd | to {other} | to the floor | goal | reached |',
             '|---|---|---|---|---|---|---|---|---|---|']
    for name, row in kept['rows'].items():
        a, b, floor = (row.get(of) for of in ('a', 'b', 'floor'))
        goal = row['goal'].replace('the other', other)
        lines.append(f"| {name} | {row['what']} | {row['unit'] or '–'} | {number(floor)} | {number(b)} | {number(a)} | {ratio(a, b)} "
                     f"| {ratio(a, floor)} | {goal} | {said(row['reached']).lower()} |")
    return '\n'.join(lines)
