#!/usr/bin/env bash
# Instructions a request, counted by callgrind: repeatable whatever else the machine does. Prints the total of each
# end and where it goes, by room of ours and by library. Needs valgrind. 100 in flight on one connection, 90 % reads,
# 100-byte values. Another binary to count: bench/instructions.sh PATH.
set -euo pipefail
cd "$(dirname "$0")/.."
mayfly=${1:-build/release/mayfly}
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

# A line names a file and the library that it is in; those of ours are in the folder of a room.
report() {
    callgrind_annotate --threshold=100 "$work/$1" | awk -v name="$1" -v requests=$((requests + keys)) '
        match($0, /\[[^][]*\]$/) {
            where = substr($0, RSTART + 1, RLENGTH - 2)
            gsub(/.*\/|\.so.*/, "", where)
            if (match($0, /(src|rooms)\/(base|rpc|net|store|server|client|bench|cli)\//)) {
                where = substr($0, RSTART, RLENGTH - 1)
                sub(/.*\//, "", where)
                where = "src/" where
            }
            gsub(",", "", $1)
            sum[where] += $1
            total += $1
        }
        END {
            printf "%s: %.0f instructions a request\n", name, total / requests
            for (where in sum)
                if (sum[where] / total > 0.01)
                    printf "  %5.0f  %4.1f %%  %s\n", sum[where] / requests, 100 * sum[where] / total, where
        }' | sort -k1,1rn
}

serve "${grind[@]}" --callgrind-out-file="$work/server" $mayfly
$mayfly "${load[@]}" --endpoint "127.0.0.1:$port" >/dev/null 2>&1
stop
report server

serve $mayfly
"${grind[@]}" --callgrind-out-file="$work/client" $mayfly "${load[@]}" --endpoint "127.0.0.1:$port" >/dev/null 2>&1
stop
report client
