# shellcheck shell=bash
# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
#
# What the scripts of this folder share. Sourced, after set -euo pipefail.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck disable=SC2034  # read by the scripts that source this
readonly top

die() # message...
{
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
    exit 1
}

# The release this machine runs: bookworm, trixie, ...
codename()
{
    # shellcheck source=/dev/null
    (. /etc/os-release && echo "${VERSION_CODENAME:-}")
}

# The entries of this machine's apt sources that serve a release, one per line as
# "URI|keyring|suite|components". Taken from the machine, so that no file here names a
# host. An entry in the other notation, with several URIs or suites, becomes several lines.
apt_entries() # release
{
    local file
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -r "$file" ] || continue
        # deb [options] URI suite component...
        sed -n 's/^deb[[:space:]]\+//p' "$file" | awk -v release="$1" '
            {
                keyring = ""
                if (match($0, /^\[[^]]*\]/)) {
                    options = substr($0, RSTART + 1, RLENGTH - 2)
                    $0 = substr($0, RSTART + RLENGTH + 1)
                    if (match(options, /signed-by=[^ ]*/))
                        keyring = substr(options, RSTART + 10, RLENGTH - 10)
                }
                uri = $1; suite = $2; $1 = $2 = ""; sub(/^ +/, "")
                if (suite ~ "^" release "($|-)") printf "%s|%s|%s|%s\n", uri, keyring, suite, $0
            }'
    done
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -r "$file" ] || continue
        # A paragraph of "Field: value" lines.
        awk -v release="$1" 'BEGIN { RS = ""; FS = "\n" }
            {
                split("", field)
                for (i = 1; i <= NF; i++)
                    if ($i !~ /^#/ && (at = index($i, ":")))
                        field[tolower(substr($i, 1, at - 1))] = substr($i, at + 1)
                if (tolower(field["enabled"]) ~ /no/ || (" " field["types"] " ") !~ / deb /) next
                keyring = field["signed-by"]; gsub(/ /, "", keyring)
                components = field["components"]; sub(/^ +/, "", components)
                n = split(field["uris"], uri, " "); m = split(field["suites"], suite, " ")
                for (i = 1; i <= n; i++) for (j = 1; j <= m; j++)
                    if (suite[j] ~ "^" release "($|-)")
                        printf "%s|%s|%s|%s\n", uri[i], keyring, suite[j], components
            }' "$file"
    done
}

# Where this machine gets Debian itself from.
debian_mirror()
{
    local release
    release=$(codename)
    apt_entries "$release" | awk -F'|' -v suite="$release" \
        '$3 == suite && (" " $4 " ") ~ / main / { print $1; exit }'
}
