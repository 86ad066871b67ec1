"""How long an unmodified QEMU takes to start on memory of the daemon, beside the same QEMU on a memfd of its own."""
import json, os, shlex, socket, subprocess, time

SIZE = 1 << 30
PATIENCE = 20


class Qmp:
    """One client, a request at a time; events are skipped."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise
        self.lines = self.socket.makefile('rwb')
        self.lines.readline()
        self.ask('qmp_capabilities')

    def ask(self, command, **arguments):
        self.lines.write(json.dumps({'execute': command, 'arguments': arguments}).encode() + b'\n')
        self.lines.flush()
        while True:
            reply = json.loads(self.lines.readline())
            if 'error' in reply:
                raise RuntimeError(f"{command}: {reply['error']['desc']}")
            if 'return' in reply:
                return reply['return']

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines.close()
        self.socket.close()


def running_ms(command, path):
    """From spawn to `running`, and ends it."""
    argv = shlex.split(command) + ['-nodefaults', '-display', 'none', '-qmp', f'unix:{path},server=on,wait=off']
    began = time.monotonic()
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        while True:
            try:
                with Qmp(path) as client:
                    while client.ask('query-status')['status'] != 'running':
                        time.sleep(0.0005)
                return (time.monotonic() - began) * 1e3
            except (FileNotFoundError, ConnectionRefusedError):
                if process.poll() is not None or time.monotonic() > began + PATIENCE:
                    raise RuntimeError(f'{argv[0]}: {process.stderr.read().strip()}')
                time.sleep(0.0005)
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()
        if os.path.exists(path):
            os.unlink(path)


def lend(tools, s):
    if not tools.qemu:
        return {}
    machine = lambda memdev: f'-M q35,accel=kvm,memory-backend={memdev} -m 1G'
    with Qmp(s.socket) as daemon:
        daemon.ask('object-add', **{'qom-type': 'memory-backend-memfd', 'id': 'm', 'size': SIZE})
        ways = daemon.ask('query-memory-loans', memdev='m')[0]['ways']
        given = shlex.quote(next(way['qemu-object'] for way in ways if way['method'] == 'path'))
        own = running_ms(f"{tools.qemu} {machine('own')} -object memory-backend-memfd,id=own,size=1G,share=on", s.dir + '/q')
        by_path = running_ms(f"{tools.qemu} {machine('m')} -object {given}", s.dir + '/q')
        figures = {'lendpath': by_path}
        s.floor = {'lendpath': own, 'lendcpr': own}
        if tools.wrapper:
            daemon.ask('object-add', **{'qom-type': 'memory-backend-memfd', 'id': 'g', 'size': SIZE, 'guest-memfd': True})
            figures['lendcpr'] = running_ms(f"{tools.wrapper} {s.socket} g -- {tools.qemu} {machine('g')}", s.dir + '/q')
        return figures
