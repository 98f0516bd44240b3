"""What bash, zsh and fish source to ask `track` for words: each gives the line up to the cursor as it is typed."""

SCRIPTS = {
    "bash": r"""_track_completion() {
    local line kind word
    COMPREPLY=()
    while IFS= read -r line; do
        kind=${line%%,*} word=${line#*,}
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$word") ;;
        esac
    done < <(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" COMP_CWORD="$2" _TRACK_COMPLETE=bash_complete "$1")
    # no blank behind the `=` of KEY=, a revision's colon, nor behind a folder
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=/:.] ]]; then
        compopt -o nospace
    fi
    return 0
}

complete -o nosort -F _track_completion track
""",
    "zsh": r"""#compdef track

_track_completion() {
    local -a response whole begun described
    local kind word about
    (( ! $+commands[track] )) && return 1

    response=("${(@f)$(env COMP_WORDS="${words[1,CURRENT]}" COMP_CWORD=$((CURRENT-1)) \
_TRACK_COMPLETE=zsh_complete track)}")
    for kind word about in "${response[@]}"; do
        case $kind in
            plain)
                if [[ $about != _ ]]; then
                    described+=("$word:$about")
                elif [[ $word == *[=/:.] ]]; then
                    begun+=("$word")
                else
                    whole+=("$word")
                fi ;;
            dir) compset -P '--*='; _path_files -/ ;;
            file) compset -P '--*='; _path_files -f ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described -U
    (( $#begun )) && compadd -U -S '' -V unsorted -a begun
    (( $#whole )) && compadd -U -V unsorted -a whole
    return 0
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _track_completion "$@"
else
    compdef _track_completion track
fi
""",
    "fish": r"""function _track_completion
    for line in (env _TRACK_COMPLETE=fish_complete COMP_WORDS=(commandline -cp) COMP_CWORD=(commandline -ct) track)
        set -l found (string split -m 1 , -- $line)
        switch $found[1]
            case dir
                __fish_complete_directories $found[2]
            case file
                set -l option (string match -r -- '^--[^=]*=' $found[2])
                for path in (__fish_complete_path (string replace -r -- '^--[^=]*=' '' $found[2]))
                    echo -- $option$path
                end
            case plain
                printf '%s\n' $found[2]
        end
    end
end

complete --no-files --command track --arguments "(_track_completion)"
""",
}
"""The script for each shell."""
