"""Requests for memory backends, DIMMs and what goes with them, most of them sensible and some not; and text that is nearly JSON."""
import random

# Each server has a folder of its own.
FOLDER = '/FOLDER'

IDS = ['a', 'b', 'c', 'm0', 'x-1', 'io', 'tc', 'd0', 'type', '1a', 'a b', '', 'A.b_c-d', 'objects', 'peripheral', 'a/b']
JUNK = [None, True, False, 0, 1, -1, 2 ** 31, 2 ** 63, 1.5, -0.0, 1e3, '', 'x', 'on', 'off', '4096', '2M', [], [1], ['a'], {}, {'a': 1}]
SIZES = [4096, 2097152, 4194304, 8192, 134217728, 1, 4097, 0, 2 ** 20]
BACKENDS = ['memory-backend-ram', 'memory-backend-memfd', 'memory-backend-file', 'memory-backend-shm']
TYPES = BACKENDS + ['iothread', 'thread-context']
STRANGE_TYPES = ['memory-backend', 'container', 'memory-backend-epc', 'nope']
PATHS = [
    '/objects', '/objects/a', '/objects/b', 'a', 'b', 'm0', 'objects/a', '/machine/peripheral', '/machine/peripheral/d0', 'peripheral/d0',
    '/machine/peripheral/a', 'd0', 'io', 'tc', '/objects/io', '//objects///a/', 'objects', '', '/objects/a/', 'nope', '/nope', 'a[0]',
    '/objects/a/a[0]', '/machine/peripheral-anon', '/machine/peripheral-anon/device[0]', 'c', '/objects/c', 'x-1',
]
BACKEND_PROPERTIES = [
    'size', 'merge', 'dump', 'prealloc', 'share', 'reserve', 'policy', 'host-nodes', 'prealloc-threads', 'prealloc-context', 'type', 'seal', 'hugetlb',
    'hugetlbsize', 'mem-path', 'align', 'offset', 'pmem', 'readonly', 'rom', 'discard-data', 'x-use-canonical-path-for-ramblock-id',
]
PROPERTIES = BACKEND_PROPERTIES + [
    'poll-max-ns', 'poll-grow', 'aio-max-batch', 'thread-id', 'cpu-affinity', 'addr', 'slot', 'node', 'memdev', 'id', 'hotplugged', 'realized',
    'hotpluggable', 'parent_bus', 'nope', '',
]
QUERIES = [
    'query-memdev', 'query-memory-devices', 'query-memory-size-summary', 'query-iothreads', 'query-status', 'query-jobs', 'query-fdsets', 'query-name',
    'query-uuid', 'query-dirty-rate', 'query-target',
]
MONITOR_LINES = [
    'info memdev', 'info memory-devices', 'info memory_size_summary', 'info status', 'info version x', 'nope', '', 'info nope', 'xp /2x', 'xp /4xb 0',
    'xp', 'info memdev extra',
]


def pick(chance, good, junk=0.05):
    return chance.choice(JUNK) if chance.random() < junk else chance.choice(good)


def some(chance, members, **choices):
    """Sets members by chance: name=(probability, values)."""
    for name, (probability, good) in choices.items():
        if chance.random() < probability:
            members[name.replace('_', '-')] = pick(chance, good, 0.08)


def object_add(chance):
    kind = pick(chance, TYPES * 4 + STRANGE_TYPES, 0.03)
    members = {'qom-type': kind, 'id': pick(chance, IDS)}
    flag = (0.2, [True, False])
    if kind in BACKENDS or chance.random() < 0.1:
        some(chance, members, size=(0.95, SIZES), merge=flag, dump=flag, share=flag, reserve=flag, prealloc=(0.15, [True, False]),
             prealloc_threads=(0.1, [1, 2, 0, 16]), host_nodes=(0.12, [[], [0], [1], [0, 0], [200], [-1], ['0']]),
             policy=(0.12, ['default', 'bind', 'preferred', 'interleave', 'Bind', '']),
             prealloc_context=(0.08, ['tc', 'io', 'a', '', 'nope', '/objects/tc']), x_use_canonical_path_for_ramblock_id=(0.06, [True, False]))
        if members.get('prealloc') is True and isinstance(members.get('size'), int) and members['size'] > 2 ** 24:
            members['size'] = 2 ** 21
    if kind == 'memory-backend-memfd':
        some(chance, members, seal=(0.15, [True, False]))
    if kind == 'memory-backend-file' or chance.random() < 0.03:
        some(chance, members, mem_path=(0.9, [FOLDER + '/small', FOLDER + '/new', FOLDER, '/nope/x', '/dev/null', '/dev/zero', '']),
             align=(0.15, [0, 4096, 8192, 3, 2 ** 21, 1]), offset=(0.15, [0, 4096, 8192, 1, 2 ** 20]), discard_data=(0.1, [True, False]),
             pmem=(0.08, [True, False]), readonly=flag, rom=(0.15, ['on', 'off', 'auto', 'x']))
    if kind == 'iothread':
        number = (0.2, [0, 1, 32768, -1, 64, 2 ** 40])
        some(chance, members, poll_max_ns=number, poll_grow=number, poll_shrink=number, poll_weight=number, aio_max_batch=number)
    if kind == 'thread-context':
        some(chance, members, cpu_affinity=(0.3, [[0], [1], [0, 1], [], [500], [0, 0]]), node_affinity=(0.2, [[0], [1], [], [200]]))
    if chance.random() < 0.04:
        members[chance.choice(['foo', 'Size', 'qom_type', 'props'])] = chance.choice(JUNK)
    if chance.random() < 0.03:
        members.pop(chance.choice(list(members)))
    return 'object-add', members


def device_add(chance):
    members = {'driver': pick(chance, ['pc-dimm'] * 8 + ['nope', 'memory-backend-ram', 'container', ''], 0.03)}
    some(chance, members, id=(0.8, IDS + ['d1', 'd2', 'd3']),
         memdev=(0.93, ['a', 'b', 'c', 'm0', 'x-1', '/objects/a', 'objects/b', 'nope', 'io', 'A.b_c-d']),
         addr=(0.2, [2 ** 32, 2 ** 32 + 2 ** 21, 2 ** 32 + 4096, 0, 2 ** 40, 2 ** 28, 6 * 2 ** 30]), slot=(0.15, [0, 1, 15, 16, -1, -2, 300]),
         node=(0.12, [0, 1, -1]), bus=(0.03, ['x', 'pci.0']))
    return 'device_add', members


def qom(chance):
    path = pick(chance, PATHS, 0.04)
    return chance.choice([
        ('qom-get', {'path': path, 'property': pick(chance, PROPERTIES, 0.03)}),
        ('qom-get', {'path': path, 'property': pick(chance, BACKEND_PROPERTIES, 0.03)}),
        ('qom-set', {'path': path, 'property': pick(chance, PROPERTIES, 0.03), 'value': chance.choice(JUNK + [4096, 2 ** 21, 'bind', 'default', [0], '/objects/tc'])}),
        ('qom-set', {'path': path, 'property': pick(chance, BACKEND_PROPERTIES, 0.03), 'value': chance.choice(JUNK)}),
        ('qom-list', {'path': path}),
        ('qom-list-get', {'paths': chance.choice([[path], [path, chance.choice(PATHS)], [], 'a', None])}),
        ('device-list-properties', {'typename': pick(chance, TYPES + STRANGE_TYPES + ['pc-dimm', 'device'])}),
    ])


def other(chance):
    name = pick(chance, IDS)
    return chance.choice([
        ('object-del', {'id': name}), ('object-del', {'id': name}), ('object-del', {'id': name}),
        (f"job-{chance.choice(['cancel', 'pause', 'resume', 'dismiss'])}", {'id': name}),
        ('closefd', {'fdname': name}), ('getfd', {'fdname': name}),
        ('add-fd', chance.choice([{}, {'fdset-id': 1}, {'fdset-id': -1}, {'opaque': 'x'}])),
        ('remove-fd', chance.choice([{'fdset-id': 1}, {'fdset-id': 1, 'fd': 2}, {'fdset-id': -1}, {}])),
        # A guest that runs has events of its own.
        ('stop', {}), ('system_reset', {}),
        ('yank', {'instances': chance.choice([[], [{'type': 'migration'}], [{'type': 'chardev', 'id': 'x'}], [{'type': 'nope'}], 'x', [{}]])}),
        ('calc-dirty-rate', chance.choice([{}, {'calc-time': 0}, {'calc-time': 61}, {'calc-time': '1'}, {'calc-time': 1, 'mode': 'nope'}])),
        ('query-stats', chance.choice([{'target': 'nope'}, {}, {'target': 'cryptodev'}, {'target': 'vm', 'providers': []}, {'target': 'vm', 'vcpus': ['/x']}])),
        ('human-monitor-command', {'command-line': chance.choice(MONITOR_LINES)}),
        ('pmemsave', chance.choice([{}, {'val': 0, 'size': 16}, {'val': 0, 'size': 16, 'filename': '/nope/x'}, {'val': 0, 'size': 0, 'filename': FOLDER + '/saved'}])),
        ('query-command-line-options', chance.choice([{'option': 'nope'}, {'option': 1}])),
        ('migrate-set-parameters', chance.choice([{'mode': 'nope'}, {'foo': 1}, {'mode': 'cpr-exec'}, {'cpr-exec-command': 'x'}])),
        (chance.choice(['nope', 'Query-status', 'quit ', '', 'query_status']), {}),
    ])


def request(chance):
    command, arguments = chance.choices(
        [object_add, device_add, qom, other, lambda chance: (chance.choice(QUERIES), chance.choice([{}] * 9 + [{'x': 1}]))], [30, 12, 30, 16, 12])[0](chance)
    message = {'execute': command}
    if arguments or chance.random() < 0.3:
        message['arguments'] = arguments
    if chance.random() < 0.2:
        message['id'] = chance.choice([1, 'x', None, {'a': [1]}, 1.5, -0.0, 2 ** 63])
    return message


TOKENS = [
    b'{', b'}', b'[', b']', b':', b',', b'"', b"'", b'"execute"', b"'execute'", b'"query-status"', b'"arguments"', b'{}', b'"id"', b'1', b'-1', b'01', b'1.5',
    b'1e3', b'1e', b'-', b'.5', b'1.', b'true', b'false', b'null', b'nul', b'True', b'%', b'\\', b'"\\u0041"', b'"\\ud800"', b'"\\ud83d\\ude00"', b'"\\u0000"',
    b'"\\x"', b'"\\n\\t\\/"', b'"\xc3\xa9"', b'"\xff"', b'"\xed\xa0\x80"', b'"\xf0\x9f\x98\x80"', b'"\xc0\x80"', b' ', b'\t', b'\r', b'\n', b'\x00', b'\x01',
    b'\x7f', b'\xff', b'/*x*/', b'#', b'"exec-oob"', b'18446744073709551616', b'9223372036854775808', b'-9223372036854775809', b'0x10', b'+1', b'-0', b'1E5',
    b'""', b'"a', b'"a\tb"', b'"a\nb"', b'\xef\xbb\xbf', b'123456789012345678901234567890',
]
WHOLE = [
    b'{"execute": "query-status"}', b'{"execute": "query-name", "id": 1}', b'{"execute": "nope"}', b'{"arguments": {}, "execute": "query-uuid"}',
    b'{"execute": "qom-get", "arguments": {"path": "/objects", "property": "type"}, "id": "x"}', b"{'execute': 'query-status', 'id': 'q'}", b'[]', b'1',
    b'"x"', b'{"execute": 1}', b'{"execute": "query-status", "execute": "x"}', b'{"id": [1, {"a": null}], "execute": "query-target"}',
]


def piece(chance):
    kind = chance.random()
    if kind < 0.35:
        return chance.choice(WHOLE)
    if kind < 0.6:
        return b''.join(chance.choice(TOKENS) for _ in range(chance.randint(1, 9)))
    broken = bytearray(chance.choice(WHOLE))
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(broken) + 1)
        broken[at:at + chance.choice([0, 1, 1])] = chance.choice([b'', chance.choice(TOKENS), bytes([chance.choice(b'{}[]:,"\'\\ \n\x00a1-.\xff%')])])
    return bytes(broken)


def text(chance: random.Random):
    return b''.join(piece(chance) + chance.choice([b'', b'\n', b' ', b'\r\n']) for _ in range(chance.randint(1, 4)))
