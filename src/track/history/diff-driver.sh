#!/bin/sh
# What `git diff` runs for a pointer: PATH OLD-FILE OLD-ID OLD-MODE NEW-FILE NEW-ID NEW-MODE [NEW-PATH HEADER]
# For a person at a terminal it says what changed in the data. Into a file or a pipe goes a patch that `git apply`
# takes, as without this script; whatever happens it ends with 0, since Git would give up the whole diff.

if [ $# -lt 7 ]; then
    printf '* Unmerged path %s\n' "$1"
    exit 0
fi
if [ -t 1 ] || { [ -n "$GIT_PAGER_IN_USE" ] && [ -p /dev/stdout ]; }; then
    track=$(command -v track-hook)
    case $track in
    /*) "$track" diff "$@" && exit 0 ;;
    *) track=$(git config --local track.python) && [ -x "$track" ] && "$track" -P -m track.cli.hook diff "$@" \
        2>/dev/null && exit 0 ;;
    esac
fi

tab=$(printf '\t')
newline='
'
quoted() {  # a name as it stands in a patch
    case $1 in
        *[\"\\"$tab$newline"]*)
            printf '"'
            printf '%s\n' "$1" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e "s/$tab/\\\\t/g" | awk '
                NR > 1 { printf "\\n" } { printf "%s", $0 }'
            printf '"'
            ;;
        *) printf '%s' "$1" ;;
    esac
}
ended() {  # a name with a blank in it ends with a tab in the lines of the two files
    case $1 in *' '*) printf '%s\t\n' "$1" ;; *) printf '%s\n' "$1" ;; esac
}
compared() {
    git --no-pager diff --no-index --no-ext-diff --no-textconv --no-color --text "$@" -- "$old_file" "$new_file"
}

old_name=$1 old_file=$2 old_id=$3 old_mode=$4 new_file=$5 new_id=$6 new_mode=$7 new_name=${8-$1}
a=a/ b=b/
[ "$(git config --type=bool diff.noprefix 2>/dev/null)" = true ] && a='' b=''
old=$(quoted "$a$old_name") new=$(quoted "$b$new_name")
printf 'diff --git %s %s\n' "$old" "$new"
if [ $# -gt 8 ]; then
    printf '%s' "$9"
elif [ "$old_mode" = . ]; then
    printf 'new file mode %s\n' "$new_mode"
    old=/dev/null
elif [ "$new_mode" = . ]; then
    printf 'deleted file mode %s\n' "$old_mode"
    new=/dev/null
elif [ "$old_mode" != "$new_mode" ]; then
    printf 'old mode %s\nnew mode %s\n' "$old_mode" "$new_mode"
fi
[ -s "$old_file" ] || [ -s "$new_file" ] || exit 0
compared --quiet && exit 0
printf -- '--- ' && ended "$old"
printf '+++ ' && ended "$new"
compared | sed -n '/^@@/,$p'
exit 0
