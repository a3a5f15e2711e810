#!/usr/bin/env bash
# Prints, as Markdown tables, how long exports over loopback take beside their limit and a peer.
#
#   benches/end-to-end.sh [ROUNDS]     11 rounds by default, of which the shortest and the median time count
#
# The emulator sends the same items to
#   curl         which throws the response away: the limit;
#   null         our client, which decodes and throws the items away;
#   archive      `exportitems export`, which hashes, writes and syncs them;
#   exchangelib  a client of other authors, which keeps them in memory and hashes them.
# "Written from memory" is one process that hashes, writes and syncs the same bytes without any network.
#
# Ways take turns. A time is of the whole command, its start included, but for "written from memory", which times itself
# once its bytes are made. Four connections are four processes with a quarter of the items each.
# exchangelib reads responses a byte at a time, so it gets fewer bytes and two rounds, beside our archive of the same.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rounds=${1:-11}
limit=60 # seconds for one command
# Count and size, in MiB, of the items; and of those for exchangelib.
items=8 mib=16
few=4 few_mib=1

fail() {
    echo "end-to-end: $*" >&2
    exit 1
}
[[ $rounds =~ ^[1-9][0-9]*$ ]] || fail "usage: benches/end-to-end.sh [ROUNDS]"
for program in cargo curl awk split timeout; do
    type -P "$program" >/dev/null || fail "no $program; install it with the system's packages, or run \`.ci/run packages\`"
done
exchangelib=yes
python3 -c 'import exchangelib' 2>/dev/null || exchangelib=
[[ $exchangelib ]] || echo "end-to-end: no exchangelib in python3, so its rows are left out;" \
    "\`.ci/run packages\` installs it into target/ci/venv/bin, which belongs on PATH then" >&2

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
cargo build --quiet --release -p exportitems-cli
cargo build --quiet --release -p exportitems-benches --features end-to-end --bin end-to-end
exportitems=$target/release/exportitems
helper=$target/release/end-to-end

work=$(mktemp -d "$target/end-to-end.XXXXXX") # on the disk that is built on, not in memory
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$work"' EXIT

# An emulator, its URL, and its ids for one connection and for four.
start() { # transport or transport-few, items, MiB of each
    local at=$work/$1 count=$2 ids tls=()
    [[ $1 != https* ]] || tls=(--tls-ca "$at/ca.pem")
    mkdir "$at"
    "$exportitems" emulate --items "$count" --size "$3M" "${tls[@]}" >"$at/printed" &
    for ((tries = 0; $(wc -l <"$at/printed") <= count; tries++)); do
        kill -0 $! 2>/dev/null || fail "the emulator for $1 ended"
        ((tries < 20 * limit)) || fail "the emulator did not start within $limit s"
        sleep 0.05
    done
    head -n 1 "$at/printed" >"$at/url"
    tail -n +2 "$at/printed" >"$at/ids.1.0"
    split -n r/4 -d -a 1 "$at/ids.1.0" "$at/ids.4."
    for ids in "$at"/ids.?.?; do
        "$exportitems" encode --ids "$ids" >"$ids.xml"
    done
}

with_curl() { # url, ids, trust...
    timeout $limit curl --silent --show-error --fail --output /dev/null \
        --header 'Content-Type: text/xml; charset=utf-8' --data-binary "@$2.xml" ${3:+--cacert "$3"} "$1"
}
with_null() { timeout $limit "$helper" null "$@"; }
with_archive() {
    timeout $limit "$exportitems" export --url "$1" --ids "$2" --out "$work/archive/${2##*/}" ${3:+--ca-file "$3"} >/dev/null
}
with_exchangelib() {
    local ids
    mapfile -t ids <"$2"
    env ${3:+EWS_CA="$3"} timeout $limit python3 tests/exchangelib_export.py "$1" "${ids[@]}" >/dev/null
}

# Adds the seconds that one way takes, over all connections, to its times.
measure() { # way, emulator, connections
    local at=$work/$2 ids from to jobs=() trust=()
    [[ $2 != https* ]] || trust=("$at/ca.pem")
    rm -rf "$work/archive"
    mkdir "$work/archive"
    from=$EPOCHREALTIME
    for ids in "$at/ids.$3".?; do
        "with_$1" "$(<"$at/url")" "$ids" "${trust[@]}" &
        jobs+=($!)
    done
    for job in "${jobs[@]}"; do
        wait "$job" || fail "$1 over $2, $3 connections: failed, or took more than $limit s"
    done
    to=$EPOCHREALTIME
    awk -v from="$from" -v to="$to" 'BEGIN { printf "%.6f\n", to - from }' >>"$work/times/$1"
}
measure_write() {
    rm -rf "$work/archive"
    timeout $limit "$helper" write "$work/archive" $items $((mib << 20)) >>"$work/times/write" ||
        fail "writing from memory: failed, or took more than $limit s"
}

# One row: the quotients of the shortest and of the median times.
row() { # case, way, name of its peer, its way, goal
    local shown
    shown=$(for way in "$2" "$4"; do
        sort -n "$work/times/$way" | awk '{ t[NR] = $1 } END { print t[1], t[int((NR + 1) / 2)] }'
    done | xargs)
    awk -v row="$1" -v peer="$3" -v goal="$5" '{
        printf "| %s | %.3f s | %.3f s | %s | %.3f s | %.3f s | %.2f | %.2f | %s |\n",
            row, $1, $2, peer, $3, $4, $3 / $1, $4 / $2, goal
    }' <<<"$shown"
}
table() {
    echo
    echo "$1"
    echo
    echo "| transport | connections | ours | shortest | median | peer | shortest | median | ratio, min | ratio, median | goal |"
    echo "|---|---:|---|---:|---:|---|---:|---:|---:|---:|---|"
}

start http $items $mib
start https $items $mib
start http-few $few $few_mib
start https-few $few $few_mib

table "$items items of $mib MiB, $rounds rounds:"
for transport in http https; do
    for connections in 1 4; do
        rm -rf "$work/times"
        mkdir "$work/times"
        for ((round = 0; round < rounds; round++)); do
            for way in curl null archive; do
                measure $way $transport $connections
            done
            measure_write
        done
        null='' archive=''
        [[ $transport$connections != http1 ]] || null=0.8 archive=0.7
        row "$transport | $connections | decoded, not kept" null "curl to /dev/null" curl "$null"
        row "$transport | $connections | archived" archive "written from memory" write "$archive"
    done
done

[[ $exchangelib ]] || exit 0
table "$few items of $few_mib MiB, 2 rounds:"
for transport in http https; do
    for connections in 1 4; do
        rm -rf "$work/times"
        mkdir "$work/times"
        for way in archive exchangelib archive exchangelib; do
            measure $way $transport-few $connections
        done
        row "$transport | $connections | archived" archive exchangelib exchangelib ""
    done
done
