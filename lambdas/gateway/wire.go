package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"remit/lambdas/arguments"
	"remit/terms"
)

// Event is one interceptor invocation as AgentCore sends it (AgentCore developer guide,
// gateway-interceptors-types). Captures of real traffic hold null where the guide shows an
// object, so every part may be absent.
type Event struct {
	Version string `json:"interceptorInputVersion"`
	MCP     struct {
		GatewayRequest  *Message `json:"gatewayRequest"`
		GatewayResponse *Message `json:"gatewayResponse"`
	} `json:"mcp"`
}

// Message is one HTTP message of an event.
type Message struct {
	Path       string            `json:"path,omitempty"`
	Method     string            `json:"httpMethod,omitempty"`
	StatusCode int               `json:"statusCode,omitempty"`
	Headers    map[string]string `json:"headers,omitempty"`
	Body       json.RawMessage   `json:"body,omitempty"`
}

// Reply is what AgentCore gets back. Failure is never an error of the function: it is a
// denial inside the reply. The zero Reply lets nothing through.
type Reply struct {
	Version string `json:"interceptorOutputVersion"`
	MCP     struct {
		Request  *Message `json:"transformedGatewayRequest,omitempty"`
		Response *Message `json:"transformedGatewayResponse,omitempty"`
	} `json:"mcp"`
}

const replyVersion = "1.0"

// MaxBody is the largest JSON-RPC message that is read, in bytes: AgentCore's payload limit.
const MaxBody = 6 << 20

// message is the part of a JSON-RPC request that is decided on.
type message struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	Params  struct {
		Name      string         `json:"name"`
		Arguments map[string]any `json:"arguments"`
		Meta      struct {
			Confirmation string `json:"remit/confirmation"`
		} `json:"_meta"`
	} `json:"params"`
}

// read accepts exactly one JSON-RPC request object: no batch, no repeated key, nothing
// after it. A repeated key would let two readers see two messages.
func (m *message) read(body []byte) bool {
	if len(body) > MaxBody || !isObject(body) || unsound(body) {
		return false
	}
	return json.Unmarshal(body, m) == nil && m.Version == "2.0" && plainID(m.ID)
}

func isObject(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{"))
}

// plainID: a JSON-RPC id is text, a number, or absent in a notification.
func plainID(id json.RawMessage) bool {
	return len(id) == 0 || id[0] == '"' || id[0] == '-' || id[0] >= '0' && id[0] <= '9'
}

// maxDepth bounds nesting in a message. Tool arguments of real tools are a few deep.
const maxDepth = 64

// unsound walks the tokens of a JSON text and reports what two readers could read in two
// ways: a key that an object has twice or that passes for a protocol word, text that is not
// UTF-8 or holds half a surrogate pair, a number that a float64 does not hold exactly,
// nesting beyond [maxDepth], bytes after the value, or text that is no JSON (RFC 7493).
func unsound(body []byte) bool {
	decoder := jsontext.NewDecoder(bytes.NewBuffer(body)) // it refuses names given twice, and what is not UTF-8
	for {
		token, err := decoder.ReadToken()
		if err != nil {
			return !errors.Is(err, io.EOF)
		}
		if decoder.StackDepth() > maxDepth {
			return true
		}
		switch token.Kind() {
		case '"':
			if kind, length := decoder.StackIndex(decoder.StackDepth()); kind == '{' && length%2 == 1 && disguised(token.String()) {
				return true
			}
		case '0':
			if !held(token.String()) {
				return true
			}
		}
		if decoder.StackDepth() == 0 {
			_, err := decoder.ReadToken()
			return !errors.Is(err, io.EOF)
		}
	}
}

// held reports whether a JSON number is the one of its float64 that is written shortest, in
// whatever notation. No two numbers that are held share a float64, so what is judged,
// digested and approved is what a reader of larger numbers sees.
func held(number string) bool {
	f, err := strconv.ParseFloat(number, 64)
	return err == nil && decimalOf(number) == decimalOf(strconv.FormatFloat(f, 'e', -1, 64))
}

// decimal is a number without its notation: digits that neither begin nor end with 0, times
// a power of ten. The zero decimal is 0, whatever its sign.
type decimal struct {
	negative bool
	digits   string
	power    int
}

// decimalOf reads a JSON number; one whose power is beyond any float64's is no other's.
func decimalOf(number string) decimal {
	rest, negative := strings.CutPrefix(number, "-")
	mantissa, power := rest, 0
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		var err error
		if power, err = strconv.Atoi(rest[i+1:]); err != nil {
			return decimal{digits: number}
		}
		mantissa = rest[:i]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	all := strings.TrimLeft(whole+fraction, "0")
	digits := strings.TrimRight(all, "0")
	if digits == "" {
		return decimal{}
	}
	return decimal{negative, digits, power - len(fraction) + len(all) - len(digits)}
}

// protocolWords are the keys that are decided on. encoding/json also takes other spellings
// for them (another case, and letters that fold to theirs, such as U+017F for s); a reader
// further on may not, and would then see another call than the one that was judged.
var protocolWords = []string{"jsonrpc", "id", "method", "params", "name", "arguments", "_meta", ConfirmationMeta}

// disguised reports a key that is almost, and not exactly, a protocol word.
func disguised(key string) bool {
	return slices.ContainsFunc(protocolWords, func(word string) bool { return key != word && strings.EqualFold(key, word) })
}

// rpcError is a JSON-RPC error as it is written and as it is read back.
type rpcError struct {
	Code    int     `json:"code"`
	Message string  `json:"message"`
	Data    rpcData `json:"data"`
}

type rpcData struct {
	Reference string `json:"reference"`
	Detail    string `json:"detail,omitempty"`
}

// UnmarshalJSON reads what is an object like ours and nothing else: data of an error that
// came back may be anything (JSON-RPC 2.0, 5.1).
func (d *rpcData) UnmarshalJSON(text []byte) error {
	type plain rpcData
	var read plain
	if json.Unmarshal(text, &read) == nil {
		*d = rpcData(read)
	}
	return nil
}

func isNull(body json.RawMessage) bool {
	trimmed := bytes.TrimSpace(body)
	return len(trimmed) == 0 || bytes.Equal(trimmed, []byte("null"))
}

// deny is the uniform refusal, or one of the few other answers an agent can act on.
func (c *call) deny(code int, detail string) Reply {
	return respondWith(map[string]any{
		"jsonrpc": "2.0", "id": idOf(c.message.ID),
		"error": rpcError{Code: code, Message: messages[code], Data: rpcData{Reference: c.reference, Detail: detail}},
	})
}

func answer(id json.RawMessage, result any) Reply {
	return respondWith(map[string]any{"jsonrpc": "2.0", "id": idOf(id), "result": result})
}

func idOf(id json.RawMessage) any {
	if !plainID(id) || len(id) == 0 {
		return nil
	}
	return id
}

func respondWith(body map[string]any) Reply {
	text, err := json.Marshal(body)
	if err != nil {
		text = []byte(`{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"refused"}}`)
	}
	r := Reply{Version: replyVersion}
	r.MCP.Response = &Message{StatusCode: 200, Body: text}
	return r
}

// silence is an answer without a body.
var silence = func() Reply {
	r := Reply{Version: replyVersion}
	r.MCP.Response = &Message{StatusCode: 200}
	return r
}()

func forward(headers map[string]string, body json.RawMessage) Reply {
	r := Reply{Version: replyVersion}
	r.MCP.Request = &Message{Headers: headers, Body: body}
	return r
}

// identify names the call and its arguments: the same on both sides, because it is made
// from the original request.
func (c *call) identify() {
	c.sum = arguments.Sum(c.message.Params.Arguments)
	var parts []byte
	for _, part := range []string{string(c.claims.Execution), string(c.message.ID), c.message.Params.Name, hex.EncodeToString(c.sum[:])} {
		parts = fmt.Appendf(parts, "%d:%s", len(part), part)
	}
	sum := sha256.Sum256(parts)
	c.id = terms.CallID(hex.EncodeToString(sum[:]))
	c.reference = referenceOf(c.id)
}

// digest names the call's arguments.
func (c *call) digest() terms.Digest { return terms.Digest("sha256:" + hex.EncodeToString(c.sum[:])) }

func digestText(text []byte) terms.Digest {
	return terms.Digest(fmt.Sprintf("sha256:%x", sha256.Sum256(text)))
}
