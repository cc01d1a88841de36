"""The scripts that let a shell complete `fip`, `invoke` and `inv`.

`fip --complete` knows tasks, options and names. A command line of `invoke` may have tasks of the
user's own: for these, Invoke is asked, and `fip` only for names. A script writes no file.
"""

from __future__ import annotations

_BASH = """\
# Completion for fip, invoke and inv: source <(fip --print-completion-script bash)
_fip_complete() {
    local line="${COMP_LINE:0:COMP_POINT}" found
    if [[ $1 == fip ]]; then
        found=$(fip --complete -- "$line" 2>/dev/null)
    else
        found=$(fip --complete-names -- "$line" 2>/dev/null)
        [[ $found ]] || found=$("$1" --complete -- "$line" 2>/dev/null)
    fi
    # Bash takes `=` for the end of a word.
    local word="${line##*[[:space:]]}" part="${COMP_WORDS[COMP_CWORD]}"
    [[ $part == "=" ]] && part=""
    local before="${word%"$part"}"
    local IFS=$'\\n'
    COMPREPLY=($(compgen -W "$found" -- "$word"))
    COMPREPLY=("${COMPREPLY[@]#"$before"}")
}
complete -o default -F _fip_complete fip invoke inv
"""

_ZSH = """\
# Completion for fip, invoke and inv: source <(fip --print-completion-script zsh)
_fip_complete() {
    local line="${(j: :)words[1,CURRENT]}" found
    if [[ $words[1] == fip ]]; then
        found=$(fip --complete -- "$line" 2>/dev/null)
    else
        found=$(fip --complete-names -- "$line" 2>/dev/null)
        [[ -n $found ]] || found=$($words[1] --complete -- "$line" 2>/dev/null)
    fi
    [[ -n $found ]] && compadd -- ${(f)found} || _files
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
compdef _fip_complete fip invoke inv
"""

_FISH = """\
# Completion for fip, invoke and inv: fip --print-completion-script fish | source
function __fip_complete
    set -l line (commandline --cut-at-cursor | string collect)
    set -l program (string split --max 1 ' ' -- $line)[1]
    if test "$program" = fip
        fip --complete -- $line 2>/dev/null
    else
        set -l found (fip --complete-names -- $line 2>/dev/null)
        if test -n "$found"
            printf '%s\\n' $found
        else
            $program --complete -- $line 2>/dev/null
        end
    end
end
for program in fip invoke inv
    complete --command $program --no-files --arguments '(__fip_complete)'
end
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
