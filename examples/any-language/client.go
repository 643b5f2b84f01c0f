// A client of store.py: one operation a line in, how it ended a line out.
//
// net/http sends a request again when a connection that it reused turns out to be closed. Without keep-alive every
// operation has a connection of its own, and nothing is sent twice.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
)

type operation struct {
	ID    int             `json:"id"`
	F     string          `json:"f"`
	Key   json.RawMessage `json:"key"`
	Value json.RawMessage `json:"value"`
}

type completion struct {
	ID    int             `json:"id"`
	Type  string          `json:"type"`
	Value json.RawMessage `json:"value,omitempty"`
	Error string          `json:"error,omitempty"`
}

// connected tells whether a connection was made: before that nothing can have been sent.
var connected bool

var client = &http.Client{Transport: &http.Transport{
	DisableKeepAlives: true,
	Dial: func(network, address string) (net.Conn, error) {
		connection, err := net.Dial(network, address)
		connected = err == nil
		return connection, err
	},
}}

func ask(op operation) completion {
	method, path, body := "GET", "/kv/"+string(op.Key), []byte("null")
	// A read changes nothing; anything else may have happened, or happen later.
	unknown := "info"
	switch op.F {
	case "read":
		unknown = "fail"
	case "write":
		method = "PUT"
		body = []byte(`{"value":` + string(op.Value) + `}`)
	case "cas":
		var pair [2]json.RawMessage
		if err := json.Unmarshal(op.Value, &pair); err != nil {
			return completion{Type: "fail", Error: err.Error()}
		}
		method, path = "POST", path+"/cas"
		body = []byte(`{"from":` + string(pair[0]) + `,"to":` + string(pair[1]) + `}`)
	}
	request, err := http.NewRequest(method, "http://"+os.Args[1]+":8000"+path, bytes.NewReader(body))
	if err != nil {
		return completion{Type: "fail", Error: err.Error()}
	}
	connected = false
	response, err := client.Do(request)
	if err != nil && !connected {
		return completion{Type: "fail", Error: "connect: " + err.Error()}
	}
	if err != nil {
		return completion{Type: unknown, Error: "connection: " + err.Error()}
	}
	defer response.Body.Close()
	var answer struct {
		Value   json.RawMessage `json:"value"`
		Swapped *bool           `json:"swapped"`
		Error   string          `json:"error"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return completion{Type: unknown, Error: "connection: " + err.Error()}
	}
	switch {
	case response.StatusCode == 503: // the server says that it did nothing
		return completion{Type: "fail", Error: answer.Error}
	case response.StatusCode != 200:
		return completion{Type: unknown, Error: fmt.Sprintf("status %d: %s", response.StatusCode, answer.Error)}
	case op.F == "read" && answer.Value == nil:
		return completion{Type: "fail", Error: "an answer without a value"}
	case op.F == "read":
		return completion{Type: "ok", Value: answer.Value}
	case op.F == "cas" && answer.Swapped == nil:
		return completion{Type: "info", Error: "an answer without its result"}
	case op.F == "cas" && !*answer.Swapped:
		return completion{Type: "fail", Error: "compare: another value"}
	}
	return completion{Type: "ok"}
}

func main() {
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var op operation
		if err := json.Unmarshal(lines.Bytes(), &op); err != nil {
			panic(err)
		}
		done := ask(op)
		done.ID = op.ID
		line, err := json.Marshal(done)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(line))
	}
}
