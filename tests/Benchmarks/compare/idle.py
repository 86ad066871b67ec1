"""What idle processors of a virtual machine do: wait for work a while, or halt, so that waking one costs exits from the virtual machine.
Source: Linux, Documentation/virt/guest-halt-polling.rst."""
import contextlib

LONGEST_WAIT = '/sys/module/haltpoll/parameters/guest_halt_poll_ns'


def longest_wait():
    """Nanoseconds; None: this kernel does not say, as one that is no guest."""
    try:
        with open(LONGEST_WAIT) as f:
            return int(f.read())
    except OSError:
        return None


def add_option(parser):
    parser.add_argument('--halt-poll', type=int, metavar='NS',
                        help='lets an idle processor wait so long before it halts, while this measures; Linux has 200000 by default. Needs root')


@contextlib.contextmanager
def waiting(nanoseconds):
    """Sets it, for None not, and sets it back."""
    before = longest_wait()
    if nanoseconds is None or nanoseconds == before:
        yield
        return
    if before is None:
        raise SystemExit(f'--halt-poll: there is no {LONGEST_WAIT}')

    def write(value):
        with open(LONGEST_WAIT, 'w') as f:
            f.write(str(value))
    write(nanoseconds)
    try:
        yield
    finally:
        write(before)
