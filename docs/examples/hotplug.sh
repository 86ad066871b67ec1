#!/usr/bin/env bash
# Plugs memory into a hostmemd or a QEMU that runs, and unplugs it again, with bash and socat alone:
#
#     hotplug.sh [-t SECONDS] SOCKET [SIZE [NAME]]
#
# The backend NAME (hot0) of SIZE (128M; K, M and G are taken) becomes the DIMM NAME-dimm. Each answer is waited for, and so is
# DEVICE_DELETED, for SECONDS (10) at most. Whatever fails is told in the server's words, and what was made until then is removed.
#
# Exit status: 0 plugged and unplugged; 1 refused, and nothing is left; 2 called wrongly, or no socat; 3 the server cannot be reached or
# does not answer; 4 something is left, and the message says what; 130 interrupted, and nothing is left.
set -u
trap '' PIPE

say() { printf 'hotplug: %s\n' "$*" >&2; }
fail() { say "${@:2}"; exit "$1"; }

limit=10
if [[ ${1-} == -t ]]; then
    limit=${2-} && shift $(($# > 1 ? 2 : 1))
fi
socket=${1-} size=${2-128M} name=${3-hot0}
[[ $# -ge 1 && $# -le 3 && $limit =~ ^[1-9][0-9]{0,4}$ ]] || fail 2 "usage: hotplug.sh [-t SECONDS] SOCKET [SIZE [NAME]]"
# These two go into JSON as they are.
[[ $size =~ ^([1-9][0-9]{0,8})([KMG]?)$ ]] || fail 2 "'$size' is no size; write it as 134217728, 128M or 1G"
case ${BASH_REMATCH[2]} in K) shift=10 ;; M) shift=20 ;; G) shift=30 ;; *) shift=0 ;; esac
bytes=$((BASH_REMATCH[1] << shift))
[[ $name =~ ^[A-Za-z][A-Za-z0-9._-]*$ ]] || fail 2 "'$name' is no id; ids begin with a letter and have letters, digits, '-', '.' and '_'"
dimm=$name-dimm

command -v socat > /dev/null || fail 2 "socat is needed and not there; on Debian: apt-get install socat"
[[ -S $socket ]] || fail 3 "there is no socket $socket; is the server started, with -qmp unix:$socket?"
[[ -w $socket ]] || fail 3 "you may not connect to $socket; its owner, group and mode say who may"

# The connection, out of the reach of a terminal's Ctrl-C: it is needed to clean up. socat wants these characters of a path escaped.
path=$socket
for character in '\' ',' ':' '!' '"' "'" '(' ')' '[' ']' '{' '}'; do path=${path//"$character"/"\\$character"}; done
set -m
coproc SOCAT { exec socat - "UNIX-CONNECT:$path" 2> /dev/null; }
set +m
# Where socat has ended already there is nothing to copy, and the first read finds the end.
from=${SOCAT[0]-} to=${SOCAT[1]-}
{ exec {from}<&"$from" {to}>&"$to"; } 2> /dev/null || fail 3 "cannot connect to $socket; nobody listens there"

have_backend=0 have_dimm=0 lost=0 deleted=0 refused=0 waiting=0 stopping=0 number=0 message='' part='' desc=''
gone="cannot connect to $socket; nobody listens there"
trap 'stopping=1' INT TERM HUP

# The server cannot be asked any more.
lose() {
    lost=1
    fail 3 "$@"
}

# Reads one message into $message until the time $1 (in $SECONDS), and notes events of our DIMM; fails when the time is over, and in
# between on a signal while the guest is waited for.
receive() {
    local text status
    while ((SECONDS < $1 && !(waiting && stopping))); do
        # A second at a time: bash goes on reading after a signal.
        IFS= read -r -t 1 -u "$from" text
        status=$?
        part+=$text
        ((status <= 128)) || continue
        ((status == 0)) || lose "$gone"
        message=$part part=''
        if [[ $message =~ \"event\":\ *\"(DEVICE_DELETED|DEVICE_UNPLUG_GUEST_ERROR)\" && $message =~ \"device\":\ *\"$dimm\" ]]; then
            [[ $message == *DEVICE_DELETED* ]] && deleted=1 || refused=1
        fi
        return 0
    done
    return 1
}

# Sends the command $1 with the members $2 and waits for its reply; fails on an error, with its text in $desc.
ask() {
    local end=$((SECONDS + limit)) id=hotplug-$((++number))
    printf '{"execute": "%s", "arguments": {%s}, "id": "%s"}\n' "$1" "${2-}" "$id" 2> /dev/null >&"$to" || lose "$gone"
    while receive "$end"; do
        [[ $message =~ \"id\":\ *\"$id\" ]] || continue
        [[ $message =~ \"error\":\ *\{ ]] || return 0
        desc=$message
        [[ $message =~ \"desc\":\ *\"(([^\"\\]|\\.)*)\" ]] && desc=${BASH_REMATCH[1]//'\"'/'"'}
        return 1
    done
    lose "no answer to $1 within $limit s"
}

unplug() {
    local end
    deleted=0 refused=0
    ask device_del "\"id\": \"$dimm\"" || return 1
    desc="no DEVICE_DELETED within $limit s; the guest has not let go of it"
    end=$((SECONDS + limit)) waiting=1
    while ((!deleted && !refused)) && receive "$end"; do :; done
    waiting=0
    ((!stopping)) || desc="interrupted before the guest let go of it"
    ((!refused)) || desc="the guest refuses to let go of it"
    ((deleted)) && have_dimm=0
}

remove() { ask object-del "\"id\": \"$name\"" && have_backend=0; }

# What is there still is removed, in the order in which it can be, and what cannot be is named.
clean_up() {
    local status=$?
    trap - EXIT
    trap '' INT TERM HUP
    stopping=0
    if ((lost)); then
        ((!have_dimm)) || say "perhaps left there: DIMM $dimm"
        ((!have_backend)) || say "perhaps left there: backend $name"
        exit "$status"
    fi
    if ((have_dimm)) && ! unplug; then
        say "left plugged: DIMM $dimm, backend $name: $desc"
        exit 4
    fi
    if ((have_backend)) && ! remove; then
        say "left: backend $name: $desc"
        exit 4
    fi
    exit "$status"
}
trap clean_up EXIT

# A step that was interrupted counts as done or not done, never as half done: its reply has come.
go_on() { ((!stopping)) || fail 130 "interrupted"; }

receive $((SECONDS + limit)) || lose "no greeting from $socket within $limit s; a QEMU serves one client at a time, and another one may have it"
gone="the server closed $socket"
[[ $message == *'"QMP"'* ]] || lose "$socket is no QMP socket: it says $message"
ask qmp_capabilities || fail 3 "$desc"

have_backend=1
ask object-add "\"qom-type\": \"memory-backend-memfd\", \"id\": \"$name\", \"size\": $bytes" || {
    have_backend=0
    fail 1 "cannot make backend $name: $desc"
}
go_on

have_dimm=1
ask device_add "\"driver\": \"pc-dimm\", \"id\": \"$dimm\", \"memdev\": \"$name\"" || {
    have_dimm=0
    fail 1 "cannot plug $dimm: $desc"
}
go_on

ask query-memory-devices || fail 1 "cannot ask for $dimm: $desc"
[[ $message =~ \{[^{}]*\"id\":\ *\"$dimm\"[^{}]*\} && ${BASH_REMATCH[0]} =~ \"addr\":\ *([0-9]+) ]] || fail 1 "$dimm is not among the memory devices"
printf 'plugged %s: %d bytes at 0x%x\n' "$dimm" "$bytes" "${BASH_REMATCH[1]}"
go_on

unplug || {
    have_dimm=0 have_backend=0
    fail 4 "left plugged: DIMM $dimm, backend $name: $desc"
}
go_on
remove || {
    have_backend=0
    fail 4 "left: backend $name: $desc"
}
printf 'unplugged %s\n' "$dimm"
