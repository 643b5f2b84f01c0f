// Nodes in Go without any library: unique-ids, and a lin-kv in which one node decides.
//
// go build -o maelstrom-go . and then: maelstrom-go unique-ids | unique-ids-by-clock | lin-kv | lin-kv-local
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

type body map[string]any

type message struct {
	Src  string `json:"src"`
	Dest string `json:"dest"`
	Body body   `json:"body"`
}

type node struct {
	mutex   sync.Mutex
	id      string
	ids     []string
	lastID  float64
	waiting map[float64]func(body)
	count   int
	values  map[string]any
}

func (n *node) send(dest string, b body) {
	line, _ := json.Marshal(message{n.id, dest, b})
	fmt.Println(string(line))
}

func (n *node) reply(m message, b body) {
	b["in_reply_to"] = m.Body["msg_id"]
	n.send(m.Src, b)
}

func failed(code int, text string) body {
	return body{"type": "error", "code": code, "text": text}
}

// uniqueID counts within a life of this process; when it began tells lives apart. By the clock alone, two nodes meet.
func (n *node) uniqueID(kind string, started int64) any {
	n.count++
	if kind == "unique-ids-by-clock" {
		return time.Now().UnixMilli()
	}
	return fmt.Sprintf("%s-%d-%d", n.id, started, n.count)
}

func (n *node) apply(b body) body {
	key := fmt.Sprint(b["key"])
	held, exists := n.values[key]
	switch b["type"] {
	case "read":
		if !exists {
			return failed(20, "no key "+key)
		}
		return body{"type": "read_ok", "value": held}
	case "write":
		n.values[key] = b["value"]
		return body{"type": "write_ok"}
	case "cas":
		if !exists {
			return failed(20, "no key "+key)
		}
		if held != b["from"] {
			return failed(22, fmt.Sprintf("it holds %v", held))
		}
		n.values[key] = b["to"]
		return body{"type": "cas_ok"}
	}
	return failed(10, fmt.Sprint(b["type"]))
}

// store answers a request of a client: the first node decides, the others pass it on. With lin-kv-local everybody decides
// alone.
func (n *node) store(kind string, m message) {
	if kind == "lin-kv-local" || n.id == n.ids[0] {
		n.reply(m, n.apply(m.Body))
		return
	}
	n.lastID++
	id := n.lastID
	forwarded := body{}
	for name, value := range m.Body {
		forwarded[name] = value
	}
	forwarded["msg_id"] = id
	n.waiting[id] = func(answer body) {
		delete(answer, "in_reply_to")
		n.reply(m, answer)
	}
	n.send(n.ids[0], forwarded)
}

func (n *node) handle(kind string, started int64, m message) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if id, isReply := m.Body["in_reply_to"].(float64); isReply {
		if answer, known := n.waiting[id]; known {
			delete(n.waiting, id)
			answer(m.Body)
		}
		return
	}
	switch m.Body["type"] {
	case "init":
		n.id = m.Body["node_id"].(string)
		for _, id := range m.Body["node_ids"].([]any) {
			n.ids = append(n.ids, id.(string))
		}
		n.reply(m, body{"type": "init_ok"})
	case "generate":
		n.reply(m, body{"type": "generate_ok", "id": n.uniqueID(kind, started)})
	default:
		n.store(kind, m)
	}
}

func main() {
	kind := strings.Join(os.Args[1:], " ")
	started := time.Now().UnixNano()
	n := &node{waiting: map[float64]func(body){}, values: map[string]any{}}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var m message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		n.handle(kind, started, m)
	}
}
