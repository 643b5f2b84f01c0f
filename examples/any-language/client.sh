#!/bin/sh
# A client of store.py: one operation a line in, how it ended a line out. Needs curl and jq.
# curl retries nothing unless it is told to; its exit code 7 says that no connection was made.
node=http://$1:8000
answer() { printf '{"id":%s,"type":"%s"%s}\n' "$id" "$1" "${2:+,$2}"; }

echo ready
while read -r line; do
    # Sets id, f, key, method, path and body.
    eval "$(printf '%s' "$line" | jq -r '@sh "id=\(.id) f=\(.f) key=\(.key)",
        if .f == "read" then "method=GET path= body="
        elif .f == "write" then "method=PUT path= " + @sh "body=\({value: .value} | tojson)"
        else "method=POST path=/cas " + @sh "body=\({from: .value[0], to: .value[1]} | tojson)" end')"
    said=$(curl --silent --write-out '\n%{http_code}' -X "$method" ${body:+-d "$body"} "$node/kv/$key$path")
    code=$?
    # A read changes nothing; anything else may have happened, or happen later.
    unknown=info
    [ "$f" = read ] && unknown=fail
    case $f:$code:$said in
        *:7:*) answer fail '"error":"connect: curl exit code 7"' ;;
        read:0:'{"value": '*'}
200') said=${said#*: } && answer ok "\"value\":${said%\}*}" ;;
        write:0:'{}
200') answer ok ;;
        cas:0:'{"swapped": true}
200') answer ok ;;
        cas:0:'{"swapped": false}
200') answer fail '"error":"compare: another value"' ;;
        *:0:*'
503') answer fail '"error":"refused: the server did nothing"' ;;
        *) answer "$unknown" "\"error\":\"no answer: curl exit code $code\"" ;;
    esac
done
