#!/usr/bin/env python3
"""lin-kv: every node passes every request on to the service lin-kv.

With --cache it remembers what it has read and written, and answers reads from that: others' writes go unnoticed.
"""

import sys

from node import Node, RPCError

node = Node()
cached = "--cache" in sys.argv
cache = {}


def remember(key, value):
    if cached:
        cache[key] = value


@node.on("read")
def read(message):
    key = message["body"]["key"]
    if key in cache:
        return node.reply(message, {"type": "read_ok", "value": cache[key]})
    value = node.call("lin-kv", {"type": "read", "key": key})["value"]
    remember(key, value)
    node.reply(message, {"type": "read_ok", "value": value})


@node.on("write")
def write(message):
    key, value = message["body"]["key"], message["body"]["value"]
    node.call("lin-kv", {"type": "write", "key": key, "value": value})
    remember(key, value)
    node.reply(message, {"type": "write_ok"})


@node.on("cas")
def cas(message):
    body = message["body"]
    node.call("lin-kv", {"type": "cas", "key": body["key"], "from": body["from"], "to": body["to"]})
    remember(body["key"], body["to"])
    node.reply(message, {"type": "cas_ok"})


node.run(threads=True)
