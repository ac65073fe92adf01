# shellcheck shell=bash
# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs steps one after the other, whatever becomes of them, and counts. Sourced, after tools/lib.sh.
#
# A step whose output ends in "N passed, N failed" counts as that many, any other as one. With
# tally_show=no only the progress is shown, what was skipped, and the end of what failed.
# tally_deadline is a limit in seconds on all steps together. tally_times makes the limits of single steps so many
# times as long, for what runs behind something else.

tally_passed=0
tally_failed=0
tally_names=() # of the steps that failed
tally_failed_logs=()
tally_start=$SECONDS
tally_pid= # of the running step, which does not hear an interrupt from the terminal
trap 'for pid in $tally_pid "${tally_behind_pid[@]}"; do kill "$pid" 2>/dev/null || true; done; echo "interrupted" >&2; exit 130' INT TERM
# Where the output of the steps is kept.
tally_logs=${tally_logs:-${BUILD:-$top/build}/logs}
tally_show=${tally_show:-yes}

elapsed()
{
    local seconds=$((SECONDS - tally_start))
    printf '%d:%02d' $((seconds / 60)) $((seconds % 60))
}

tally_log() # name: where its output is kept
{
    mkdir -p "$tally_logs"
    printf '%s/%s.log' "$tally_logs" "$(tr -cs '[:alnum:].\n-' '_' <<<"$1")"
}

# The limit of a step, in seconds, that is to end before the deadline of all.
tally_limit() # limit in seconds
{
    local limit=$(($1 * ${tally_times:-1}))
    if [ -n "${tally_deadline:-}" ] && [ $((tally_start + tally_deadline - SECONDS)) -lt "$limit" ]; then
        limit=$((tally_start + tally_deadline - SECONDS))
        [ "$limit" -gt 0 ] || limit=1
    fi
    printf '%d' "$limit"
}

# Counts a step that has ended.
tally_count() # name, limit in seconds, log, exit status
{
    local name=$1 limit=$2 log=$3 status=$4 counts p f
    # Where make ran it and it failed, make has the last word.
    counts=$(tail -n 4 "$log" | sed -n 's/^\([0-9]\+\) passed, \([0-9]\+\) failed$/\1 \2/p' | tail -n 1)
    if [ -n "$counts" ]; then
        read -r p f <<<"$counts"
        # It says that all is well, and yet it failed.
        [ "$status" -eq 0 ] || [ "$f" -ne 0 ] || f=1
    elif [ "$status" -eq 0 ]; then
        p=1 f=0
    else
        p=0 f=1
    fi
    tally_passed=$((tally_passed + p))
    tally_failed=$((tally_failed + f))
    [ "$f" -eq 0 ] && return 0

    tally_names+=("$name")
    tally_failed_logs+=("$log")
    case $status in
    124 | 137) printf '[%s] FAILED: %s (over its limit of %s s)\n' "$(elapsed)" "$name" "$limit" ;;
    *) printf '[%s] FAILED: %s (%d failed, exit status %d)\n' "$(elapsed)" "$name" "$f" "$status" ;;
    esac
    [ "$tally_show" = yes ] || show_failure "$log"
    return 0
}

step() # name, limit in seconds, command...
{
    local name=$1 limit status=0 log
    limit=$(tally_limit "$2")
    shift 2
    log=$(tally_log "$name")
    printf '[%s] %s\n' "$(elapsed)" "$name"
    # Through a file and not a pipe: a process that a step leaves behind would hold a pipe open.
    : >"$log"
    timeout --kill-after=30 "$limit" "$@" </dev/null >"$log" 2>&1 &
    tally_pid=$!
    local shown
    if [ "$tally_show" = yes ]; then
        tail -n +1 -s 0.1 -f --pid=$tally_pid "$log" &
    else
        # Of a step that has steps, those; and what was skipped, which counts as passed.
        tail -n +1 -s 0.1 -f --pid=$tally_pid "$log" \
            | sed -un 's/^ *\[[0-9]*:[0-9][0-9]\] /    &/p; s/^ok - .* # SKIP /    &/p' &
    fi
    shown=$!
    # Both in the background: an interrupt ends a wait at once.
    wait $tally_pid || status=$?
    tally_pid=
    wait $shown || true
    tally_count "$name" "$limit" "$log" "$status"
}

# Begins a step that runs beside those that follow, in what they leave of the processors: programs under test
# do not notice it. Its end is waited for by step_behind_end.
declare -A tally_behind_pid=() tally_behind_limit=()
step_behind() # name, limit in seconds, command...
{
    local name=$1 limit
    limit=$(tally_limit "$2")
    shift 2
    printf '[%s] %s: begins, behind what follows\n' "$(elapsed)" "$name"
    local behind=(chrt --idle 0)
    "${behind[@]}" true 2>/dev/null || behind=(nice -n 19)
    "${behind[@]}" timeout --kill-after=30 "$limit" "$@" </dev/null >"$(tally_log "$name")" 2>&1 &
    tally_behind_pid[$name]=$!
    tally_behind_limit[$name]=$limit
}

step_behind_end() # name
{
    local name=$1 status=0 pid
    printf '[%s] %s: the end of it\n' "$(elapsed)" "$name"
    pid=${tally_behind_pid[$name]}
    # Nothing else runs now: its processes have the usual share from here on.
    tally_raise "$pid"
    wait "$pid" || status=$?
    unset "tally_behind_pid[$name]"
    tally_count "$name" "${tally_behind_limit[$name]}" "$(tally_log "$name")" "$status"
}

# Gives a process, and those below it, the usual share of the processors.
tally_raise() # process
{
    local child
    chrt --other --pid 0 "$1" 2>/dev/null || true
    for child in $(cat "/proc/$1/task"/*/children 2>/dev/null || true); do
        tally_raise "$child"
    done
}

# What failed in a step and the end of its output, which holds the same of steps within it.
show_failure() # log
{
    printf -- '---- the end of %s\n' "$1"
    { head -n "-${tally_tail:-80}" "$1" | grep -E '^ *(not ok|FAILED)' | head -n 20 || true; } | sed 's/^/    /'
    tail -n "${tally_tail:-80}" "$1" | sed 's/^/    /'
    printf -- '----\n'
}

# Prints what failed, and the line that counts; its status is the script's. Whoever runs this as one of
# several steps shows the end of the output, so that is where the failures are shown again.
tally_end()
{
    local name log
    if [ "$tally_show" = yes ]; then
        for log in "${tally_failed_logs[@]}"; do
            tally_tail=30 show_failure "$log"
        done
    fi
    for name in "${tally_names[@]}"; do
        printf 'FAILED: %s\n' "$name"
    done
    printf '%d passed, %d failed\n' "$tally_passed" "$tally_failed"
    [ "$tally_failed" -eq 0 ] && [ "$tally_passed" -gt 0 ]
}
