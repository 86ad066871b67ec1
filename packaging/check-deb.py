#!/usr/bin/env python3
"""Checks a package in a root that may be thrown away, as root: check-deb.py PACKAGE ROOT

    debootstrap --variant=minbase --include=systemd bookworm ROOT

makes such a root. The package is installed, its units and its user are verified, manual pages, completions and the shell are tried, what the
unit starts is started by hand with the sockets that systemd would make, and after a purge nothing must be left. systemd itself does not
run here."""
import gzip, json, os, shlex, shutil, signal, socket, subprocess, sys, tempfile

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
