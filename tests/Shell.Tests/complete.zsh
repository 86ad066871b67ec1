# Types a line into a zsh of its own, on a terminal, presses TAB, and prints the line that came of it.
# usage: zsh -f complete.zsh FOLDER LINE      FOLDER has the completions
zmodload zsh/zpty
zpty inner TERM=dumb zsh -f -i
zpty -w inner "unsetopt zle_bracketed_paste; fpath=(${(q)1} \$fpath); autoload -Uz compinit; compinit -u -D"
zpty -w inner 'press() { zle expand-or-complete; print -r -- "<<$BUFFER>>"; zle send-break }; zle -N press; bindkey "^I" press'
zpty -w inner 'setopt no_beep; print rea"dy"'
zpty -r -m inner seen '*ready*' || exit 1
zpty -w -n inner "$2"$'\t'
zpty -r -m inner seen '*<<*>>*' || exit 1
seen=${seen##*<<}
print -r -- "${seen%%>>*}"
zpty -d inner
