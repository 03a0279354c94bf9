#!/usr/bin/env bash
# Instructions a request, counted by callgrind: repeatable whatever else the machine does. Prints the total of each
# end and where it goes, by library. Needs valgrind. 100 in flight on one connection, 90 % reads, 100-byte values.
set -euo pipefail
cd "$(dirname "$0")/.."
mayfly=build/release/mayfly
work=$(mktemp -d)
trap 'kill $server 2>/dev/null || true; rm -rf "$work"' EXIT
requests=100000
keys=1000

# Starts `$@ serve`, waits until it listens, sets $server and $port.
serve() {
    mkfifo "$work/log"
    "$@" serve --listen 127.0.0.1:0 --cache c 2>"$work/log" &
    server=$!
    exec 3<"$work/log"
    while read -r line <&3; do
        port=$(sed -n 's/.*"event":"listening".*"port":\([0-9]*\).*/\1/p' <<<"$line")
        [ -z "$port" ] || break
    done
    rm "$work/log"
}

stop() {
    kill -TERM $server
    cat <&3 >/dev/null
    wait $server || true
}

load=(bench --cache c --requests $requests --keys $keys --warmup 0s --concurrency 100 --channels 1)
grind=(valgrind -q --tool=callgrind)

report() {
    callgrind_annotate --threshold=100 "$work/$1" | awk -v name="$1" -v requests=$((requests + keys)) '
        match($0, /\[[^][]*\]$/) {
            library = substr($0, RSTART + 1, RLENGTH - 2)
            gsub(/.*\/|\.so.*/, "", library)
            gsub(",", "", $1)
            sum[library] += $1
            total += $1
        }
        END {
            printf "%s: %.0f instructions a request\n", name, total / requests
            for (library in sum)
                if (sum[library] / total > 0.01)
                    printf "  %5.1f %%  %s\n", 100 * sum[library] / total, library
        }' | sort -k1,1r
}

serve "${grind[@]}" --callgrind-out-file="$work/server" $mayfly
$mayfly "${load[@]}" --endpoint "127.0.0.1:$port" >/dev/null 2>&1
stop
report server

serve $mayfly
"${grind[@]}" --callgrind-out-file="$work/client" $mayfly "${load[@]}" --endpoint "127.0.0.1:$port" >/dev/null 2>&1
stop
report client
