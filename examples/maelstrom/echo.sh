#!/bin/sh
# echo in POSIX shell: a message is a line, and sed is all the JSON that an echo needs.
# With --wrong it answers with what it was sent before.
node='' previous='"nothing"'
field() { printf '%s' "$1" | sed -n "s/.*\"$2\":\\(\"[^\"]*\"\\|[0-9]*\\).*/\\1/p"; }
while IFS= read -r line; do
    client=$(field "$line" src) id=$(field "$line" msg_id)
    case $line in
    *'"type":"init"'*)
        node=$(field "$line" node_id)
        echo "{\"src\":$node,\"dest\":$client,\"body\":{\"type\":\"init_ok\",\"in_reply_to\":$id}}"
        ;;
    *'"type":"echo"'*)
        said=$(field "$line" echo)
        answer=$said
        [ "$1" != --wrong ] || answer=$previous
        previous=$said
        echo "{\"src\":$node,\"dest\":$client,\"body\":{\"type\":\"echo_ok\",\"echo\":$answer,\"in_reply_to\":$id}}"
        ;;
    esac
done
