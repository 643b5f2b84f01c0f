#!/bin/sh
# Runs a server of two, and lets it take over: a standby whose primary has been gone for PRIMARY_GONE_MS is promoted; a
# primary that finds the other one promoted on a later timeline becomes its standby.
#
# Like many such scripts it asks no third party. Two servers that cannot reach each other may both be primary for a
# while; whether an acknowledged commit survives that is a matter of synchronous replication.
#
# BIN, DATA, CONFIGURATION, OWN and OTHER (addresses), CONNINFO (of the other one) and PRIMARY_GONE_MS are given.
set -u

say() { echo "failover: $*"; }
ask() { "$BIN/psql" -X -A -t -q -d "host=$1 user=postgres dbname=postgres connect_timeout=1" -c "$2" 2>/dev/null; }
# Empty: no answer; 0: a standby; else the timeline on which it is the primary.
leads() {
    ask "$1" "SELECT CASE WHEN pg_is_in_recovery() THEN 0 ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END"
}
now_ms() { date +%s%3N; }

start() {
    "$BIN/postgres" -D "$DATA" -c "config_file=$CONFIGURATION" -c "primary_conninfo=$CONNINFO" &
    server=$!
}
stop() {
    kill -INT "$server" 2>/dev/null
    wait "$server"
}
trap 'stop; exit 0' INT TERM

# Becomes a standby of the other one: by turning its own files back to where both agree, else as a new copy.
follow() {
    say "follows $OTHER"
    if [ -d "$DATA" ] && "$BIN/pg_rewind" -D "$DATA" --config-file="$CONFIGURATION" \
        --source-server="host=$OTHER user=postgres dbname=postgres connect_timeout=2"; then
        say "turned its files back"
    else
        rm -rf "$DATA"
        until "$BIN/pg_basebackup" -D "$DATA" -h "$OTHER" -U postgres -X stream -c fast; do sleep 0.2; done
        say "copied the other one"
    fi
    touch "$DATA/standby.signal"
}

# At the start: a server without data is a new one or was wiped, and one that was the primary may have been replaced.
if [ ! -d "$DATA" ]; then
    until [ "$(leads "$OTHER")" -gt 0 ] 2>/dev/null; do sleep 0.2; done
    follow
elif [ ! -f "$DATA/standby.signal" ]; then
    timeline=$(leads "$OTHER")
    if [ "${timeline:-0}" -gt 0 ]; then follow; fi
fi
start

seen=$(now_ms)
while kill -0 "$server" 2>/dev/null; do
    sleep 0.1
    own=$(leads "$OWN")
    other=$(leads "$OTHER")
    if [ "${own:-0}" -gt 0 ]; then
        seen=$(now_ms)
        if [ "${other:-0}" -gt "$own" ]; then
            stop
            follow
            start
        fi
    elif [ "${other:-0}" -gt 0 ]; then
        seen=$(now_ms)
    elif [ "$own" = 0 ] && [ $(($(now_ms) - seen)) -ge "$PRIMARY_GONE_MS" ]; then
        say "the primary is gone: takes over"
        "$BIN/pg_ctl" promote -D "$DATA" -w -t 10
        seen=$(now_ms)
    fi
done
wait "$server"
