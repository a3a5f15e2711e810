#!/usr/bin/env bash
# Prints, as a Markdown table, how long exports over loopback take beside their limit and a peer:
# the emulator sends the same items to curl, which throws them away, to our client, which decodes and throws them away, to
# `exportitems export`, which archives them, and to exchangelib, which keeps them in memory and hashes them.
# "Written from memory" is one process that hashes, writes and syncs the same number of bytes without any network.
#
#   benches/end-to-end.sh [ROUNDS]     5 rounds, of which the shortest and the median time count
#
# A time is of the whole command, its start included. Four connections are four processes with a quarter of the items each.
# exchangelib takes part where python3 has it, in one round.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rounds=${1:-5}
items=8
mib=16 # of each item
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")

cargo build --quiet --release -p exportitems-cli
cargo build --quiet --release -p exportitems-benches --features simd,end-to-end --bin end-to-end
exportitems=$target/release/exportitems
helper=$target/release/end-to-end

work=$(mktemp -d "$target/end-to-end.XXXXXX") # on the disk that is built on, not in memory
emulators=()
trap 'kill "${emulators[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT

start() { # transport, emulator's options
    local at=$work/$1
    shift
    mkdir -p "$at"
    "$exportitems" emulate --items $items --size ${mib}M "$@" >"$at/told" &
    emulators+=($!)
    until (($(wc -l <"$at/told") == items + 1)); do sleep 0.05; done
    head -n 1 "$at/told" >"$at/url"
    tail -n +2 "$at/told" >"$at/ids.1.0"
    split -n r/4 -d -a 1 "$at/ids.1.0" "$at/ids.4."
    local ids
    for ids in "$at"/ids.?.?; do
        "$exportitems" encode --ids "$ids" >"$ids.xml"
    done
}
start http
start https --tls-ca "$work/ca.pem"

with_curl() { # url, ids, trust...
    curl --silent --fail --output /dev/null --header 'Content-Type: text/xml; charset=utf-8' \
        --data-binary "@$2.xml" ${3:+--cacert "$3"} "$1"
}
with_null() { "$helper" null "$1" "$2" ${3:+"$3"}; }
with_archive() {
    "$exportitems" export --url "$1" --ids "$2" --out "$work/archive/${2##*/}" ${3:+--ca-file "$3"} >/dev/null
}
with_exchangelib() {
    local ids
    mapfile -t ids <"$2"
    EWS_CA=${3-} timeout 60 python3 -c '
import os, sys
os.environ["EWS_CA"] or os.environ.pop("EWS_CA")
sys.path.insert(0, "tests")
from exchangelib_export import main
sys.exit(main(*sys.argv[1:]))' "$1" "${ids[@]}" >/dev/null
}

# Seconds that one way takes over all connections.
seconds() { # way, transport, connections
    local at=$work/$2 ids from to jobs=() trust=()
    [[ $2 == http ]] || trust=("$work/ca.pem")
    rm -rf "$work/archive"
    mkdir "$work/archive"
    from=$EPOCHREALTIME
    for ids in "$at/ids.$3".?; do
        "with_$1" "$(<"$at/url")" "$ids" "${trust[@]}" &
        jobs+=($!)
    done
    for job in "${jobs[@]}"; do wait "$job" || return; done
    to=$EPOCHREALTIME
    awk -v from="$from" -v to="$to" 'BEGIN { printf "%.6f\n", to - from }'
}

# One row: the times of both sides, and the quotients of the shortest and of the median ones.
row() { # transport, connections, ours, goal, file of our times, its peer, file of the peer's times
    local ours peer
    ours=$(sort -n "$5" | awk '{ t[NR] = $1 } END { print t[1], t[int((NR + 1) / 2)] }')
    peer=$(sort -n "$7" | awk '{ t[NR] = $1 } END { print t[1], t[int((NR + 1) / 2)] }')
    awk -v row="$1 | $2 | $3" -v goal="$4" -v name="$6" '{
        printf "| %s | %.3f s | %s | %.3f s | %.2f | %.2f | %s |\n", row, $1, name, $3, $3 / $1, $4 / $2, goal
    }' <<<"$ours $peer"
}

echo "$items items of $mib MiB, $rounds rounds."
echo
echo "| transport | connections | ours | shortest | peer | shortest | ratio, min | ratio, median | goal |"
echo "|---|---:|---|---:|---|---:|---:|---:|---|"
for transport in http https; do
    for connections in 1 4; do
        times=$work/times
        rm -rf "$times"
        mkdir "$times"
        for ((round = 0; round < rounds; round++)); do
            for way in curl null archive; do
                seconds $way $transport $connections >>"$times/$way"
            done
            rm -rf "$work/archive"
            "$helper" write "$work/archive" $items $((mib << 20)) >>"$times/write"
        done
        first=
        [[ $transport$connections != http1 ]] || first=yes
        row $transport $connections "decoded, not kept" "${first:+0.8}" "$times/null" "curl to /dev/null" "$times/curl"
        row $transport $connections "archived" "${first:+0.7}" "$times/archive" "written from memory" "$times/write"
        if python3 -c 'import exchangelib' 2>/dev/null; then
            seconds exchangelib $transport $connections >"$times/exchangelib" ||
                { echo "end-to-end: exchangelib failed over $transport" >&2; continue; }
            row $transport $connections "archived" "" "$times/archive" "exchangelib" "$times/exchangelib"
        fi
    done
done
