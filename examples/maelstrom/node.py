"""What every Maelstrom node in Python needs: messages in, messages out, answers to its own questions."""

import json
import sys
import threading
import time


class RPCError(Exception):
    """An error reply: a code of Maelstrom's, and text."""

    def __init__(self, code, text=""):
        super().__init__(text)
        self.code, self.text = code, text


class Node:
    def __init__(self):
        self.node_id, self.node_ids = None, []
        self.handlers = {}
        self.waiting = {}
        self.last_id = 0
        self.lock = threading.RLock()
        self.started = []

    def on(self, kind):
        def register(handler):
            self.handlers[kind] = handler
            return handler

        return register

    def peers(self):
        return [other for other in self.node_ids if other != self.node_id]

    def send(self, dest, body):
        with self.lock:
            print(json.dumps({"src": self.node_id, "dest": dest, "body": body}), flush=True)

    def reply(self, message, body):
        self.send(message["src"], {**body, "in_reply_to": message["body"]["msg_id"]})

    def rpc(self, dest, body, handler=None):
        """Sends a request; the handler gets the reply's body, if one comes."""
        with self.lock:
            self.last_id += 1
            if handler:
                self.waiting[self.last_id] = handler
            self.send(dest, {**body, "msg_id": self.last_id})

    def call(self, dest, body, timeout=1.0):
        """Sends a request and waits for its reply. Not to be called by the thread that reads messages."""
        done, replies = threading.Event(), []
        self.rpc(dest, body, lambda reply: (replies.append(reply), done.set()))
        if not done.wait(timeout):
            raise RPCError(0, "no answer from " + dest)
        if replies[0]["type"] == "error":
            raise RPCError(replies[0]["code"], replies[0].get("text", ""))
        return replies[0]

    def every(self, seconds, action):
        """Does something again and again, once the node has been initialized."""

        def run():
            while True:
                time.sleep(seconds)
                action()

        self.started.append(lambda: threading.Thread(target=run, daemon=True).start())

    def handle(self, message):
        body = message["body"]
        if "in_reply_to" in body:
            with self.lock:
                handler = self.waiting.pop(body["in_reply_to"], None)
            if handler:
                handler(body)
        elif body["type"] == "init":
            self.node_id, self.node_ids = body["node_id"], body["node_ids"]
            self.reply(message, {"type": "init_ok"})
            for start in self.started:
                start()
        elif body["type"] in self.handlers:
            try:
                self.handlers[body["type"]](message)
            except RPCError as error:
                self.reply(message, {"type": "error", "code": error.code, "text": error.text})
        elif "msg_id" in body:
            self.reply(message, {"type": "error", "code": 10, "text": body["type"]})

    def run(self, threads=False):
        """Handles messages until the input ends; with threads, each request in one of its own, so that it may wait."""
        for line in sys.stdin:
            message = json.loads(line)
            if threads and "in_reply_to" not in message["body"]:
                threading.Thread(target=self.handle, args=(message,), daemon=True).start()
            else:
                self.handle(message)
