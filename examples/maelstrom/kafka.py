#!/usr/bin/env python3
"""kafka: each log belongs to one node, which numbers its messages; the others pass requests on to it.

With --everywhere each node keeps logs of its own: one offset holds different messages, depending on whom one asks.
"""

import sys

from node import Node

node = Node()
everywhere = "--everywhere" in sys.argv
logs, committed = {}, {}


def owner(key):
    return node.node_id if everywhere else node.node_ids[int(key) % len(node.node_ids)]


@node.on("send")
def send(message):
    body = message["body"]
    if owner(body["key"]) != node.node_id:
        answer = node.call(owner(body["key"]), {"type": "send", "key": body["key"], "msg": body["msg"]})
        return node.reply(message, {"type": "send_ok", "offset": answer["offset"]})
    with node.lock:
        log = logs.setdefault(body["key"], [])
        log.append(body["msg"])
        node.reply(message, {"type": "send_ok", "offset": len(log) - 1})


@node.on("poll")
def poll(message):
    msgs = {}
    for key, offset in message["body"]["offsets"].items():
        if owner(key) == node.node_id:
            with node.lock:
                log = logs.get(key, [])
                msgs[key] = [[at, log[at]] for at in range(offset, min(len(log), offset + 1000))]
        else:
            msgs.update(node.call(owner(key), {"type": "poll", "offsets": {key: offset}})["msgs"])
    node.reply(message, {"type": "poll_ok", "msgs": msgs})


@node.on("commit_offsets")
def commit(message):
    with node.lock:
        committed.update(message["body"]["offsets"])
    node.reply(message, {"type": "commit_offsets_ok"})


@node.on("list_committed_offsets")
def list_committed(message):
    with node.lock:
        offsets = {key: committed[key] for key in message["body"]["keys"] if key in committed}
    node.reply(message, {"type": "list_committed_offsets_ok", "offsets": offsets})


node.run(threads=True)
