# bash completion for hostmemd: the options are those that the program itself lists.

_hostmemd() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    case $previous in
        -machine | -M) mapfile -t COMPREPLY < <(compgen -W "none q35" -- "$current") ;;
        -accel) mapfile -t COMPREPLY < <(compgen -W "kvm none" -- "$current") ;;
        -keep) mapfile -t COMPREPLY < <(compgen -W "none systemd process" -- "$current") ;;
        -object) mapfile -t COMPREPLY < <(compgen -W "help $("${COMP_WORDS[0]}" -object help 2> /dev/null | grep -oE '^ +[a-z-]+')" -- "$current") ;;
        -D | -pidfile | -lend-dir) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
        *) mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" -help 2> /dev/null | grep -oE '(^ +|\(or |   )-[A-Za-z-]+' | grep -oE -- '-[A-Za-z-]+')" -- "$current") ;;
    esac
}

complete -F _hostmemd hostmemd
