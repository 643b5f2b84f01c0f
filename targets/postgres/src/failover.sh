#!/bin/sh
# Runs a server of two, and lets it take over. A standby whose primary has been gone for PRIMARY_GONE_MS is promoted. A
# primary that finds the other one on a later timeline becomes its standby, and so does a primary that starts again: a
# crash makes commits visible that no standby has confirmed, so only a server that has no standby yet may go on as it was.
#
# Like many such scripts it asks no third party. Two servers that cannot reach each other may both be primary for a
# while; whether an acknowledged commit survives that is a matter of synchronous replication.
#
# BIN, DATA, CONFIGURATION, OWN and OTHER (addresses), CONNINFO (of the other one) and PRIMARY_GONE_MS are given.
set -u

# No other server has this one's timeline: there is no standby that could have been promoted instead.
SOLE=$DATA.sole
# It has run before.
BEGUN=$DATA.begun

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
    rm -f "$SOLE"
    # Until its first checkpoint a promoted server's control file names the old timeline, and pg_rewind would do nothing.
    ask "$OTHER" CHECKPOINT
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

wait_for_the_other() {
    say "waits until $OTHER is the primary"
    until [ "$(leads "$OTHER")" -gt 0 ] 2>/dev/null; do sleep 0.2; done
}

# At the start: a server without data was wiped.
if [ ! -d "$DATA" ]; then
    wait_for_the_other
    follow
elif [ ! -f "$DATA/standby.signal" ]; then
    if [ ! -f "$BEGUN" ]; then
        touch "$SOLE"
    elif [ ! -f "$SOLE" ]; then
        wait_for_the_other
        follow
    else
        timeline=$(leads "$OTHER")
        if [ "${timeline:-0}" -gt 0 ]; then follow; fi
    fi
fi
touch "$BEGUN"
start

seen=$(now_ms)
while kill -0 "$server" 2>/dev/null; do
    sleep 0.15
    own=$(leads "$OWN")
    other=$(leads "$OTHER")
    if [ "${own:-0}" -gt 0 ]; then
        seen=$(now_ms)
        if [ -f "$SOLE" ] && [ -n "$(ask "$OWN" "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming' AND application_name LIKE 'n%'")" ]; then
            rm -f "$SOLE"
        fi
        if [ "${other:-0}" -gt "$own" ]; then
            stop
            follow
            start
        fi
    elif [ "${other:-0}" -gt 0 ]; then
        seen=$(now_ms)
    elif [ "$own" = 0 ] && [ $(($(now_ms) - seen)) -ge "$PRIMARY_GONE_MS" ]; then
        say "the primary is gone: takes over"
        touch "$SOLE"
        "$BIN/pg_ctl" promote -D "$DATA" -w -t 10
        seen=$(now_ms)
    fi
done
wait "$server"
