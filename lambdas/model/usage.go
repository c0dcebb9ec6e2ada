package model

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"remit/policy"
)

// reported is a usage as providers report it: what is absent is not zero.
type reported struct{ input, output, read, written *int64 }

// usage is what was reported, nil unless input and output both were. Cache tokens are
// reported only by those who have any.
func (r reported) usage() *policy.Usage {
	if r.input == nil || r.output == nil {
		return nil
	}
	return &policy.Usage{Input: value(r.input), Output: value(r.output), CacheRead: value(r.read), CacheWrite: value(r.written)}
}

func value(n *int64) int64 {
	if n == nil {
		return 0
	}
	return max(0, *n)
}

// and takes the larger of what was said twice: streams repeat a growing count.
func (r reported) and(more reported) reported {
	return reported{larger(r.input, more.input), larger(r.output, more.output), larger(r.read, more.read), larger(r.written, more.written)}
}

func larger(a, b *int64) *int64 {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}

// converseUsage is the usage of Converse (TokenUsage in its API reference), anthropicUsage that
// of Anthropic's messages.
func converseUsage(text []byte) reported {
	return usageIn(text, "inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
}

func anthropicUsage(text []byte) reported {
	return usageIn(text, "input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
}

// usageIn reads counts by their names; one that is no number makes the rest worth nothing.
func usageIn(text []byte, input, output, read, written string) (r reported) {
	usage := object(object(text)["usage"])
	for name, into := range map[string]**int64{input: &r.input, output: &r.output, read: &r.read, written: &r.written} {
		if said := usage[name]; said != nil && json.Unmarshal(said, into) != nil {
			return reported{}
		}
	}
	return r
}

// usageOf reads the usage of an answer that came whole, nil when it says none.
func (c *call) usageOf(text []byte) *policy.Usage {
	if c.asked.operation == converse {
		return converseUsage(text).usage()
	}
	return anthropicUsage(text).usage()
}

// usageAlong reads a stream to its end for the usage it reports, nil unless it came to its
// end: what is cut off may have cost more than was said so far.
func (c *call) usageAlong(stream io.Reader) (*policy.Usage, error) {
	said, ended := reported{}, false
	decoder := eventstream.NewDecoder()
	for {
		message, err := decoder.Decode(stream, nil)
		switch {
		case errors.Is(err, io.EOF) && ended:
			if said.usage() == nil {
				return nil, errNoUsage
			}
			return said.usage(), nil
		case err != nil:
			_, _ = io.Copy(io.Discard, stream) // the rest still goes to the client, and says nothing more
			return nil, err
		}
		more, last := c.event(message)
		said, ended = said.and(more), ended || last
	}
}

// event reads what one event says of usage, and whether it is the last that does.
func (c *call) event(m eventstream.Message) (said reported, last bool) {
	kind, _ := m.Headers.Get(":event-type").(eventstream.StringValue)
	if c.asked.operation == converseStream {
		return converseUsage(m.Payload), kind == "metadata"
	}
	var chunk struct {
		Bytes []byte `json:"bytes"` // base64 in JSON
	}
	if kind != "chunk" || json.Unmarshal(m.Payload, &chunk) != nil {
		return reported{}, false
	}
	inner := object(chunk.Bytes)
	var named string
	_ = json.Unmarshal(inner["type"], &named) // an event without a type is none of these
	return anthropicUsage(inner["message"]).and(anthropicUsage(chunk.Bytes)), named == "message_stop"
}
