package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// The operations, as Bedrock's runtime names them in paths.
const (
	converse       = "converse"
	converseStream = "converse-stream"
	invoke         = "invoke"
	invokeStream   = "invoke-with-response-stream"
)

// MaxBody is the largest request that is read, in bytes. A longer one would be over any
// model's context.
const MaxBody = 4 << 20

// overhead is the most tokens that a provider adds to a text request: instructions for tools
// (some 350 for Claude, "Tool use" in Anthropic's documentation) and the marks around messages.
const overhead = 2048

// DefaultOutput is the longest answer, in tokens, of a request that names no length. Bedrock's
// own default is the model's maximum, which no budget could reserve.
const DefaultOutput = 4096

// asked is a request whose tokens are bounded: input for every byte of it, because no model
// makes more tokens than a text has bytes; output as it asks for.
type asked struct {
	operation, model string
	body             []byte // what is sent: the very value that was judged
	input, output    int64
}

func (a asked) streams() bool { return a.operation == converseStream || a.operation == invokeStream }

// read judges a request. Its errors are for the agent's developer.
func read(r *http.Request, operation string) (asked, error) {
	text, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	if err != nil || len(text) > MaxBody {
		return asked{}, fmt.Errorf("the body cannot be read, or is over %d MiB", MaxBody>>20)
	}
	a := asked{operation: operation, model: r.PathValue("model")}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var body map[string]any
	if err := decoder.Decode(&body); err != nil || body == nil {
		return asked{}, errors.New("the body is not a JSON object")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return asked{}, errors.New("bytes after the body")
	}
	if a.output, err = a.judge(body); err != nil {
		return asked{}, err
	}
	// What was judged is what is sent: a repeated key would be one thing here and another there.
	if a.body, err = json.Marshal(body); err != nil {
		return asked{}, errors.New("the body is not JSON")
	}
	a.input = int64(len(a.body)) + overhead
	return a, nil
}

// judge refuses what has no bound, and answers the longest output. It may add that to body.
func (a asked) judge(body map[string]any) (int64, error) {
	switch {
	case a.operation == converse || a.operation == converseStream:
		return judgeConverse(body)
	case strings.HasPrefix(a.model, "anthropic."):
		return judgeAnthropic(body)
	}
	return 0, errors.New("the broker knows how Anthropic's models bound their answers in InvokeModel; use Converse for this one")
}

// rest is for fields and blocks that the broker does not let through.
const rest = "the broker does not pass %s: it cannot be priced before it is sent"

// only refuses an object with other keys than these.
func only(where string, object map[string]any, keys ...string) error {
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(keys, key) {
			return fmt.Errorf(rest, where+key)
		}
	}
	return nil
}

// each judges the objects of a list; an absent list is empty.
func each(where string, value any, judge func(where string, object map[string]any) error) error {
	if value == nil {
		return nil
	}
	list, ok := value.([]any)
	if !ok {
		return fmt.Errorf("%s is not a list", where)
	}
	for i, member := range list {
		object, ok := member.(map[string]any)
		if !ok {
			return fmt.Errorf("%s[%d] is not an object", where, i)
		}
		if err := judge(fmt.Sprintf("%s[%d].", where, i), object); err != nil {
			return err
		}
	}
	return nil
}

// judgeConverse reads Bedrock's own form (Converse API reference). Latency and service tiers,
// guardrails and a model's own extra fields change what a token costs, or how many there are.
func judgeConverse(body map[string]any) (int64, error) {
	if err := only("", body, "messages", "system", "inferenceConfig", "toolConfig", "requestMetadata"); err != nil {
		return 0, err
	}
	inference, ok := body["inferenceConfig"].(map[string]any)
	if body["inferenceConfig"] == nil {
		inference, ok = map[string]any{}, true
	}
	if !ok {
		return 0, errors.New("inferenceConfig is not an object")
	}
	if err := only("inferenceConfig.", inference, "maxTokens", "temperature", "topP", "stopSequences"); err != nil {
		return 0, err
	}
	if inference["maxTokens"] == nil {
		inference["maxTokens"] = json.Number(fmt.Sprint(DefaultOutput))
		body["inferenceConfig"] = inference
	}
	tools, ok := body["toolConfig"].(map[string]any)
	if !ok && body["toolConfig"] != nil {
		return 0, errors.New("toolConfig is not an object")
	}
	err := errors.Join(
		each("messages", body["messages"], converseMessage),
		each("system", body["system"], func(where string, block map[string]any) error { return only(where, block, "text", "cachePoint") }),
		only("toolConfig.", tools, "tools", "toolChoice"),
		each("toolConfig.tools", tools["tools"], func(where string, tool map[string]any) error { return only(where, tool, "toolSpec", "cachePoint") }),
	)
	if err != nil {
		return 0, err
	}
	return length("inferenceConfig.maxTokens", inference["maxTokens"])
}

func converseMessage(where string, message map[string]any) error {
	return each(where+"content", message["content"], func(where string, block map[string]any) error {
		if err := only(where, block, "text", "toolUse", "toolResult", "reasoningContent", "cachePoint"); err != nil {
			return err
		}
		result, _ := block["toolResult"].(map[string]any)
		return each(where+"toolResult.content", result["content"], func(where string, block map[string]any) error { return only(where, block, "text", "json") })
	})
}

// judgeAnthropic reads Anthropic's messages (Bedrock User Guide, model-parameters-anthropic).
func judgeAnthropic(body map[string]any) (int64, error) {
	if err := only("", body, "anthropic_version", "max_tokens", "messages", "system", "temperature", "top_p", "top_k", "stop_sequences", "tools", "tool_choice", "thinking", "metadata"); err != nil {
		return 0, err
	}
	err := errors.Join(
		each("messages", body["messages"], func(where string, message map[string]any) error {
			return blocks(where+"content", message["content"], "text", "tool_use", "tool_result", "thinking", "redacted_thinking")
		}),
		blocks("system", body["system"], "text"),
		each("tools", body["tools"], func(where string, tool map[string]any) error {
			if kind := tool["type"]; kind != nil && kind != "custom" {
				return fmt.Errorf(rest, where+"type "+fmt.Sprint(kind)) // a provider's own tool brings tokens of its own
			}
			return nil
		}),
	)
	if err != nil {
		return 0, err
	}
	return length("max_tokens", body["max_tokens"])
}

// blocks judges content that is a text, or a list of blocks of these types.
func blocks(where string, content any, types ...string) error {
	if _, text := content.(string); text {
		return nil
	}
	return each(where, content, func(where string, block map[string]any) error {
		kind, _ := block["type"].(string)
		if !slices.Contains(types, kind) {
			return fmt.Errorf(rest, where+"type "+kind)
		}
		if kind == "tool_result" {
			return blocks(where+"content", block["content"], "text")
		}
		return nil
	})
}

// length is how long an answer may be. No model writes as much as the bound.
func length(where string, value any) (int64, error) {
	number, _ := value.(json.Number)
	n, err := number.Int64()
	if err != nil || n < 1 || n > 1<<24 {
		return 0, fmt.Errorf("%s is not a length in tokens", where)
	}
	return n, nil
}
