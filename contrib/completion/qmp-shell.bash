# bash completion for qmp-shell and qemu-hostmem. The names that a shell's lines complete are the shell's own business.

_qmp_shell() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} i
    COMPREPLY=()
    # Behind -- stands another program.
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} == -- ]]; then
            mapfile -t COMPREPLY < <(compgen -c -- "$current"; compgen -f -- "$current")
            return
        fi
    done
    case $previous in
        -c | --command | --timeout | --wait) return ;;
    esac
    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "-H --hmp -p --pretty -v --verbose -N --skip-negotiation -l --logfile --vi -c --command
            -f --file -k --keep-going --wait --timeout --json --wrap --play -h --help --" -- "$current")
    else
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}

_qemu_hostmem() {
    local current=${COMP_WORDS[COMP_CWORD]} i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} == -- ]]; then
            mapfile -t COMPREPLY < <(compgen -c -- "$current"; compgen -f -- "$current")
            return
        fi
    done
    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "--cpr --" -- "$current")
    else
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}

complete -F _qmp_shell qmp-shell
complete -F _qemu_hostmem qemu-hostmem
