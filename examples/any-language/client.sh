#!/bin/sh
# A client of store.py: one operation a line in, how it ended a line out. Needs curl.
# curl retries nothing unless it is told to; its exit code 7 says that no connection was made.
node=http://$1:8000
answer() { printf '{"id":%s,"type":"%s"%s}\n' "$id" "$1" "${2:+,$2}"; }

echo ready
while read -r line; do
    # {"f":"write","id":1,"key":7,"type":"invoke","value":5}, always in this order and without spaces. Numbers stay texts:
    # jq would round those above 2^53.
    f=${line#*\"f\":\"} id=${line#*\"id\":} key=${line#*\"key\":} value=${line#*\"value\":}
    f=${f%%\"*} id=${id%%,*} key=${key%%,*} value=${value%\}}
    case $f in
        read) method=GET path='' body='' ;;
        write) method=PUT path='' body="{\"value\":$value}" ;;
        cas)
            value=${value#\[} method=POST path=/cas
            value=${value%\]}
            body="{\"from\":${value%%,*},\"to\":${value##*,}}"
            ;;
    esac
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
