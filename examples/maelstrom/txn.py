#!/usr/bin/env python3
"""txn-list-append and txn-rw-register: the whole database is one value of the service lin-kv, replaced by cas.

With --blind it is replaced by write: of two transactions at a time, one is lost.
"""

import sys

from node import Node, RPCError

node = Node()
blind = "--blind" in sys.argv


def load():
    try:
        return node.call("lin-kv", {"type": "read", "key": "db"})["value"]
    except RPCError as error:
        if error.code != 20:
            raise
        return {}


def apply(database, txn):
    done, database = [], dict(database)
    for f, key, value in txn:
        name = str(key)
        if f == "r":
            done.append([f, key, database.get(name)])
        else:
            database[name] = database.get(name, []) + [value] if f == "append" else value
            done.append([f, key, value])
    return done, database


@node.on("txn")
def txn(message):
    before = load()
    done, after = apply(before, message["body"]["txn"])
    if blind:
        node.call("lin-kv", {"type": "write", "key": "db", "value": after})
    else:
        try:
            cas = {"type": "cas", "key": "db", "from": before, "to": after, "create_if_not_exists": True}
            node.call("lin-kv", cas)
        except RPCError as error:
            raise RPCError(30, "another transaction was faster") if error.code == 22 else error
    node.reply(message, {"type": "txn_ok", "txn": done})


node.run(threads=True)
