#!/usr/bin/env python3
"""Checks a package in a root that may be thrown away, as root: check-deb.py PACKAGE ROOT

    debootstrap --variant=minbase --include=systemd bookworm ROOT

makes such a root. The package is installed, its units and its user are verified, what the unit starts is started by hand with the sockets
that systemd would make, and after a purge nothing must be left. systemd itself does not run here."""
import json, os, shlex, shutil, signal, socket, subprocess, sys

package, root = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])


def run(*command, silent=False):
    done = subprocess.run(["chroot", root, *command], capture_output=True, text=True)
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


def start(command):
    """Becomes the program under its user, with a listening socket as descriptor 3 and a socket for sd_notify."""
    listening, notified = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind(root + "/run/hostmemd/vm1.sock")
    listening.listen(8)
    notified.bind(root + "/run/notify")
    os.chmod(root + "/run/notify", 0o666)
    user, group = (run("id", option, "hostmemd").strip() for option in ("-u", "-g"))
    pid = os.fork()
    if pid == 0:
        os.chroot(root)
        os.chdir("/")
        os.setgroups([])
        os.setgid(int(group))
        os.setuid(int(user))
        os.dup2(listening.fileno(), 3)
        os.set_inheritable(3, True)
        os.closerange(4, 100)
        os.execve(command[0], command, {
            "NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "200000", "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "qmp"})
    listening.close()
    notified.settimeout(10)
    return pid, notified


before = files()
mounted = subprocess.run(["mount", "-t", "proc", "proc", root + "/proc"]).returncode == 0
try:
    shutil.copy(package, root + "/package.deb")
    print(run("dpkg", "-i", "/package.deb").strip().splitlines()[-1])
    os.unlink(root + "/package.deb")

    run("systemd-analyze", "verify", "/usr/lib/systemd/system/hostmemd@.socket", "hostmemd@vm1.service", silent=True)
    run("systemd-sysusers", "--root=/", "hostmemd.conf")
    assert "hostmemd" in run("getent", "passwd", "hostmemd")
    print("units and user are right")

    unit = open(root + "/usr/lib/systemd/system/hostmemd@.service").read()
    line = next(line for line in unit.splitlines() if line.startswith("ExecStart="))[len("ExecStart="):]
    command = shlex.split(line.replace("%i", "vm1").replace("$HOSTMEMD_OPTIONS", "-machine q35 -m 64M,slots=4,maxmem=1G"))
    os.makedirs(root + "/run/hostmemd", exist_ok=True)
    pid, notified = start(command)
    words = []
    while not words or words[-1] != "WATCHDOG=1":
        words.append(notified.recv(4096).decode())
    assert words[0].startswith("READY=1\nSTATUS=Listening on "), words
    client = socket.socket(socket.AF_UNIX)
    client.connect(root + "/run/hostmemd/vm1.sock")
    lines = client.makefile("rw")
    json.loads(lines.readline())["QMP"]
    for request, expected in (("qmp_capabilities", {}), ("query-name", {"name": "vm1"})):
        lines.write(json.dumps({"execute": request}))
        lines.flush()
        assert json.loads(lines.readline()) == {"return": expected}
    os.kill(pid, signal.SIGTERM)
    while not words[-1].startswith("STOPPING=1"):
        words.append(notified.recv(4096).decode())
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    print("started by hand:", ", ".join(dict.fromkeys(word.splitlines()[0] for word in words)))
    os.unlink(root + "/run/notify")
    os.unlink(root + "/run/hostmemd/vm1.sock")

    run("dpkg", "--purge", "hostmemd")
finally:
    if mounted:
        subprocess.run(["umount", root + "/proc"])
# Backups that useradd and userdel make of the files they change.
left = {path for path in files() - before if path not in ("/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/.pwd.lock")}
users = [line for name in ("passwd", "group", "shadow", "gshadow") for line in open(f"{root}/etc/{name}") if "hostmemd" in line]
assert not left and not users, (left, users)
print("nothing is left")
