# shellcheck shell=bash
# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs steps one after the other, whatever becomes of them, and counts. Sourced, after tools/lib.sh.
#
# A step whose output ends in "N passed, N failed" counts as that many, any other as one. With
# tally_show=no only the progress is shown, what was skipped, and the end of what failed.
# tally_deadline is a limit in seconds on all steps together.

tally_passed=0
tally_failed=0
tally_names=() # of the steps that failed
tally_failed_logs=()
tally_start=$SECONDS
tally_pid= # of the running step, which does not hear an interrupt from the terminal
trap 'test -z "$tally_pid" || kill "$tally_pid" 2>/dev/null || true; echo "interrupted" >&2; exit 130' INT TERM
# Where the output of the steps is kept.
tally_logs=${tally_logs:-${BUILD:-$top/build}/logs}
tally_show=${tally_show:-yes}

elapsed()
{
    local seconds=$((SECONDS - tally_start))
    printf '%d:%02d' $((seconds / 60)) $((seconds % 60))
}

step() # name, limit in seconds, command...
{
    local name=$1 limit=$2 status=0 counts p f log
    shift 2
    mkdir -p "$tally_logs"
    log=$tally_logs/$(tr -cs '[:alnum:].\n-' '_' <<<"$name").log
    printf '[%s] %s\n' "$(elapsed)" "$name"
    if [ -n "${tally_deadline:-}" ] && [ $((tally_start + tally_deadline - SECONDS)) -lt "$limit" ]; then
        limit=$((tally_start + tally_deadline - SECONDS))
        [ "$limit" -gt 0 ] || limit=1
    fi
    # Through a file and not a pipe: a process that a step leaves behind would hold a pipe open.
    : >"$log"
    timeout --kill-after=30 "$limit" "$@" </dev/null >"$log" 2>&1 &
    tally_pid=$!
    if [ "$tally_show" = yes ]; then
        tail -n +1 -s 0.1 -f --pid=$tally_pid "$log" &
    else
        # Of a step that has steps, those; and what was skipped, which counts as passed.
        tail -n +1 -s 0.1 -f --pid=$tally_pid "$log" \
            | sed -un 's/^ *\[[0-9]*:[0-9][0-9]\] /    &/p; s/^ok - .* # SKIP /    &/p' &
    fi
    # Both in the background: an interrupt ends a wait at once.
    wait $tally_pid || status=$?
    tally_pid=
    wait || true

    # Where make ran it and it failed, make has the last word.
    counts=$(tail -n 4 "$log" | sed -n 's/^\([0-9]\+\) passed, \([0-9]\+\) failed$/\1 \2/p' | tail -n 1)
    if [ -n "$counts" ]; then
        read -r p f <<<"$counts"
        # It says that all is well, and yet it failed.
        [ $status -eq 0 ] || [ "$f" -ne 0 ] || f=1
    elif [ $status -eq 0 ]; then
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
