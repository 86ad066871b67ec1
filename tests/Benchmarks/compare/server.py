"""A QMP server under measurement, and the two C programs that measure beside it."""
import os, resource, shlex, shutil, socket, subprocess, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
STATUS = '{"execute": "query-status"}'
PATIENCE = 300


class Tools:
    """The load client and the floor, compiled for this run.

    qemu, wrapper: commands of the QEMU that memory is lent to, and of qemu-hostmem; '' for none.
    """

    def __init__(self, qemu='', wrapper=''):
        self.qemu, self.wrapper = qemu, wrapper

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix='qmpload-')
        for name in ('qmpload', 'floor'):
            subprocess.run(['gcc', '-O2', '-Wall', '-pthread', '-o', f'{self.dir}/{name}', f'{HERE}/{name}.c'], check=True)
        # A thousand clients, ten thousand backends: servers inherit what is allowed here.
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)

    def start(self, program, *argv):
        return subprocess.Popen([f'{self.dir}/{program}', *map(str, argv)],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, program, *argv):
        return finish(self.start(program, *argv), argv[0])

    def load(self, *argv):
        return self.run('qmpload', *argv)

    def floor(self, *argv):
        return self.run('floor', *argv)

    def floor_server(self, reply_bytes=0):
        return f'{self.dir}/floor echo {{socket}} {reply_bytes}'


def finish(process, what):
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    if process.returncode:
        raise RuntimeError(f'{what}: {err.strip() or process.returncode}')
    return figures(out)


def figures(text):
    return {key: float(value) for key, value in (word.split('=') for word in text.split())}


class Server:
    """Starts a server in a folder of its own, waits for its first answer, ends it."""

    def __init__(self, command, args='', root='', one_client=False):
        self.dir = tempfile.mkdtemp(prefix='qmpb-', dir=root + '/tmp' if root else None)
        self.socket, self.one_client = self.dir + '/s', one_client
        self.floor = {}     # what a measurement takes on the server itself to hold others against
        argv = shlex.split(command.replace('{args}', args).replace('{socket}', self.socket[len(root):]))
        began = time.monotonic()
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self._first_answer(began + 20)
        except BaseException:
            self.__exit__()
            raise
        self.ready_ms = (time.monotonic() - began) * 1e3

    def _first_answer(self, deadline):
        with socket.socket(socket.AF_UNIX) as client:
            while True:
                try:
                    client.connect(self.socket)
                    break
                except (FileNotFoundError, ConnectionRefusedError):
                    if self.process.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError(f'the server does not listen (status {self.process.returncode})')
                    time.sleep(0.0001)
            client.settimeout(20)
            with client.makefile('rwb') as lines:
                lines.readline()
                for request in ('{"execute": "qmp_capabilities"}', STATUS):
                    lines.write(request.encode() + b'\n')
                    lines.flush()
                    lines.readline()

    def memory_kb(self, key, file='status'):
        with open(f'/proc/{self.process.pid}/{file}') as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith(key + ':'))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
