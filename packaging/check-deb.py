#!/usr/bin/env python3
"""Checks a package in a root that may be thrown away, as root: check-deb.py PACKAGE ROOT

    debootstrap --variant=minbase --include=systemd bookworm ROOT

makes such a root. The package is installed, its units and its user are verified, manual pages, completions and the shell are tried; then the
root's systemd runs in namespaces of its own, over a layer that is thrown away, and the units with it: a daemon is started by its first client,
killed, started again with its memory, upgraded and stopped. After a purge nothing must be left."""
import contextlib, gzip, json, os, shutil, socket, subprocess, sys, tempfile, time

package, root = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])


def run(*command, silent=False, lines=""):
    done = subprocess.run(["chroot", root, *command], input=lines, capture_output=True, text=True)
    if done.returncode or (silent and done.stderr.strip()):
        sys.exit(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def files():
    found = set()
    for folder, folders, names in os.walk(root):
        # What the root itself keeps of packages, and what others write.
        folders[:] = [f for f in folders if os.path.join(folder, f)[len(root):] not in ("/proc", "/sys", "/dev", "/var/lib/dpkg", "/var/cache", "/var/log")]
        found |= {os.path.join(folder, name)[len(root):] for name in folders + names}
    return found


BOOT = """set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/changes /mnt/work /mnt/root
mount -t overlay -o lowerdir="$0",upperdir=/mnt/changes,workdir=/mnt/work overlay /mnt/root
cd /mnt/root
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount --rbind /dev dev
mount -t tmpfs tmpfs run
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . /usr/lib/systemd/systemd --unit=hostmemd@vm1.socket --show-status=no
"""


@contextlib.contextmanager
def booted():
    """systemd in the root, as the first process of its namespaces; gives what runs commands there."""
    unshare = subprocess.Popen(["unshare", "--mount", "--pid", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child", "sh", "-c", BOOT, root])
    try:
        first = None
        while not first:
            time.sleep(0.05)
            assert unshare.poll() is None, "no systemd"
            first = open(f"/proc/{unshare.pid}/task/{unshare.pid}/children").read().split()

        def inside(*command, check=True, lines=""):
            entered = ["nsenter", "--target", first[0], "--mount", "--pid", "--root", "--wd=/", *command]
            done = subprocess.run(entered, input=lines, capture_output=True, text=True)
            assert done.returncode == 0 or not check, (command, done.stdout, done.stderr)
            return done.stdout.strip()

        until(lambda: inside("systemctl", "is-active", "hostmemd@vm1.socket", check=False) == "active")
        yield inside
    finally:
        unshare.kill()
        unshare.wait()


def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, condition
        time.sleep(0.1)


def check_unit(inside, name, keep):
    """A guest's daemon by its units: from its first client over a crash and an upgrade to its end."""
    unit, options = f"hostmemd@{name}.service", ["-name", name, *keep, "-machine", "q35", "-m", "64M,slots=4,maxmem=8G"]
    inside("sh", "-c", f"mkdir -p /etc/hostmemd; echo 'HOSTMEMD_OPTIONS=\"{' '.join(options[2:])}\"' > /etc/hostmemd/{name}.conf")
    inside("systemctl", "start", f"hostmemd@{name}.socket")

    def ask(command, **arguments):
        request = json.dumps({"execute": command, "arguments": arguments})
        return json.loads(inside("qmp-shell", f"/run/hostmemd/{name}.sock", "--json", "-c", request))["return"]

    def show(member):
        return inside("systemctl", "show", "--value", "-p", member, unit)

    assert show("ActiveState") == "inactive"
    assert ask("query-name") == {"name": name}
    process = show("MainPID")
    for more in ({"qom-type": "memory-backend-memfd", "id": "m", "prealloc": True}, {"qom-type": "memory-backend-shm", "id": "s"},
                 {"qom-type": "memory-backend-file", "id": "f", "mem-path": f"/run/hostmemd/{name}.ram", "share": True}):
        ask("object-add", size=2097152, **more)
    ask("device_add", driver="pc-dimm", id="d", memdev="m")
    assert ask("probe-guest-memory", operation="write", addr=4 << 30, data="aGVsbG8=")["outcome"] == "done"

    inside("systemctl", "kill", "--signal=KILL", "--kill-who=main", unit)
    until(lambda: show("NRestarts") == "1" and show("ActiveState") == "active")
    assert show("MainPID") != process
    process = show("MainPID")
    ask("migrate-set-parameters", **{"mode": "cpr-exec", "cpr-exec-command": ["/usr/bin/hostmemd", *options]})
    ask("migrate")
    assert show("MainPID") == process
    assert {"f", "m", "s"} <= {backend["id"] for backend in ask("query-memdev")}
    assert ask("probe-guest-memory", operation="read", addr=4 << 30, size=5)["host-data"] == "aGVsbG8="
    inside("systemctl", "stop", f"hostmemd@{name}.socket", unit)
    assert (show("Result"), show("ActiveState")) == ("success", "inactive")
    # Nothing of it goes on, its keeper neither.
    running = inside("sh", "-c", "cat /proc/[0-9]*/comm 2>/dev/null || true").split()
    assert not any(process.startswith("hostmemd") for process in running), running


def install(path):
    shutil.copy(path, root + "/package.deb")
    said = run("dpkg", "-i", "/package.deb").strip().splitlines()[-1]
    os.unlink(root + "/package.deb")
    return said


# Files that python3-qemu-qmp of Debian 13's backports has as well.
SHARED = ("/usr/bin/qmp-shell", "/usr/bin/qmp-shell-wrap", "/usr/share/man/man1/qmp-shell.1.gz", "/usr/share/man/man1/qmp-shell-wrap.1.gz")


def install_stand_in():
    """Installs a package of that name with these files, each of which says where it should be."""
    with tempfile.TemporaryDirectory() as tree:
        os.chmod(tree, 0o755)
        for path in SHARED:
            os.makedirs(os.path.dirname(tree + path), exist_ok=True)
            open(tree + path, "w").write(path)
        os.mkdir(tree + "/DEBIAN")
        open(tree + "/DEBIAN/control", "w").write(
            "Package: python3-qemu-qmp\nVersion: 0\nArchitecture: all\nMaintainer: nobody\nDescription: stand-in\n")
        with tempfile.NamedTemporaryFile(suffix=".deb") as made:
            subprocess.run(["dpkg-deb", "--build", tree, made.name], check=True, stdout=subprocess.DEVNULL)
            install(made.name)


def theirs(path):
    return open(root + path, "rb").read() == path.encode()


def check_pages():
    for page in ("man8/hostmemd.8", "man1/qemu-hostmem.1", "man1/qmp-shell.1", "man1/qmp-shell-wrap.1"):
        assert gzip.open(f"{root}/usr/share/man/{page}.gz").read().startswith(b".TH "), page


def check_completions():
    for line, completed in (("hostmemd -lend", "-lend-dir"), ("qmp-shell --ti", "--timeout"), ("qemu-hostmem --c", "--cpr")):
        name = line.split()[0]
        said = run("bash", "-c", f"""source /usr/share/bash-completion/completions/{name}; compopt() {{ :; }}
            function=$(complete -p {name}); function=${{function#*-F }}; COMP_WORDS=({line}); COMP_CWORD=1; ${{function% *}}; echo ${{COMPREPLY[@]}}""")
        assert said == completed + "\n", said
        assert f"#compdef {name}" in open(f"{root}/usr/share/zsh/vendor-completions/_{name}").read()


before = files()
mounted = subprocess.run(["mount", "-t", "proc", "proc", root + "/proc"]).returncode == 0
try:
    install_stand_in()
    print(install(package))
    install_stand_in()
    assert not any(theirs(path) for path in SHARED)
    check_pages()
    check_completions()
    said = run("qmp-shell-wrap", "hostmemd", "-machine", "none", "-accel", "none", "-name", "wrapped", lines="query-name\n")
    assert '"name": "wrapped"' in said, said
    print("pages, completions and the shell are right")

    # There is no man in such a root.
    run("systemd-analyze", "verify", "--man=no", "/usr/lib/systemd/system/hostmemd@.socket", "hostmemd@vm1.service", silent=True)
    run("systemd-sysusers", "--root=/", "hostmemd.conf")
    assert "hostmemd" in run("getent", "passwd", "hostmemd")
    print("units and user are right")

    with booted() as inside:
        for name, keep in (("vm1", ["-keep", "systemd"]), ("vm2", ["-keep", "process"])):
            check_unit(inside, name, keep)
        print("units run under", inside("systemctl", "--version").splitlines()[0])

    run("dpkg", "--purge", "hostmemd")
    assert all(theirs(path) for path in SHARED)
    run("dpkg", "--purge", "python3-qemu-qmp")
finally:
    if mounted:
        subprocess.run(["umount", root + "/proc"])
# Backups that useradd and userdel make of the files they change, and the mark of systemd-analyze.
OTHERS = ("/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/.pwd.lock", "/run/systemd/systemd-units-load")
left = {path for path in files() - before if path not in OTHERS}
users = [line for name in ("passwd", "group", "shadow", "gshadow") for line in open(f"{root}/etc/{name}") if "hostmemd" in line]
assert not left and not users, (left, users)
print("nothing is left")
