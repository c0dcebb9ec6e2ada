// Package standin answers as Bedrock's runtime does, without a model: it says back what it was
// asked last. Laptops and tests put it behind the broker. It counts a token for every four
// bytes. Start with [Handler].
package standin

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// Upstream is the stand-in as the broker calls Bedrock.
type Upstream struct{}

// Call answers at once; it never fails.
func (Upstream) Call(ctx context.Context, path string, header http.Header, body []byte) (*http.Response, error) {
	request := httptest.NewRequestWithContext(ctx, http.MethodPost, path, bytes.NewReader(body))
	request.Header = header
	answer := httptest.NewRecorder()
	Handler().ServeHTTP(answer, request)
	return answer.Result(), nil
}

// Handler serves the four operations: Converse in Bedrock's form, InvokeModel in Anthropic's.
func Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /model/{model}/converse", answering(converse))
	mux.HandleFunc("POST /model/{model}/invoke", answering(anthropic))
	mux.HandleFunc("POST /model/{model}/converse-stream", streaming(converseEvents))
	mux.HandleFunc("POST /model/{model}/invoke-with-response-stream", streaming(anthropicEvents))
	return mux
}

// said is one exchange: what was asked and answered, and the tokens of both.
type said struct {
	text          string
	input, output int
	stop          string
}

func exchange(r *http.Request) said {
	text, _ := io.ReadAll(r.Body) // what was cut is answered as it came
	var asked struct {
		Messages []struct {
			Content json.RawMessage `json:"content"`
		} `json:"messages"`
		Inference struct {
			Most int `json:"maxTokens"`
		} `json:"inferenceConfig"`
		Most int `json:"max_tokens"`
	}
	_ = json.Unmarshal(text, &asked) // nothing was asked, then
	last, input := "", 0
	for _, m := range asked.Messages {
		last = textOf(m.Content)
		input += tokens(last)
	}
	most, stop := max(asked.Most, asked.Inference.Most), "end_turn"
	if most > 0 && tokens(last) > most {
		last, stop = last[:4*most], "max_tokens"
	}
	return said{last, input, tokens(last), stop}
}

// textOf is a message's text: itself, or its blocks' together.
func textOf(content json.RawMessage) string {
	var plain string
	if json.Unmarshal(content, &plain) == nil {
		return plain
	}
	var blocks []struct{ Text string }
	_ = json.Unmarshal(content, &blocks) // no text, then
	var out strings.Builder
	for _, b := range blocks {
		out.WriteString(b.Text)
	}
	return out.String()
}

func tokens(text string) int { return (len(text) + 3) / 4 }

func answering(form func(said) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(form(exchange(r))) // the client has gone if this fails
	}
}

func converse(s said) any {
	return map[string]any{
		"output":     map[string]any{"message": map[string]any{"role": "assistant", "content": []any{map[string]any{"text": s.text}}}},
		"stopReason": s.stop, "usage": usage(s), "metrics": map[string]any{"latencyMs": 1},
	}
}

func usage(s said) any {
	return map[string]any{"inputTokens": s.input, "outputTokens": s.output, "totalTokens": s.input + s.output}
}

func anthropic(s said) any {
	return map[string]any{
		"id": "msg_standin", "type": "message", "role": "assistant", "content": []any{map[string]any{"type": "text", "text": s.text}},
		"stop_reason": s.stop, "usage": map[string]any{"input_tokens": s.input, "output_tokens": s.output},
	}
}

// event is one of a stream: its type and what it holds.
type event struct {
	kind  string
	holds any
}

func streaming(events func(said) []event) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
		encoder := eventstream.NewEncoder()
		for _, e := range events(exchange(r)) {
			payload, err := json.Marshal(e.holds)
			if err != nil {
				return // texts and numbers always encode
			}
			message := eventstream.Message{Payload: payload}
			message.Headers.Set(":event-type", eventstream.StringValue(e.kind))
			message.Headers.Set(":content-type", eventstream.StringValue("application/json"))
			message.Headers.Set(":message-type", eventstream.StringValue("event"))
			if encoder.Encode(w, message) != nil {
				return // the client has gone
			}
		}
	}
}

func converseEvents(s said) []event {
	out := []event{{"messageStart", map[string]any{"role": "assistant"}}}
	for _, piece := range pieces(s.text) {
		out = append(out, event{"contentBlockDelta", map[string]any{"contentBlockIndex": 0, "delta": map[string]any{"text": piece}}})
	}
	return append(out,
		event{"contentBlockStop", map[string]any{"contentBlockIndex": 0}},
		event{"messageStop", map[string]any{"stopReason": s.stop}},
		event{"metadata", map[string]any{"usage": usage(s), "metrics": map[string]any{"latencyMs": 1}}})
}

func anthropicEvents(s said) []event {
	out := []event{chunk(map[string]any{"type": "message_start", "message": map[string]any{"id": "msg_standin", "type": "message", "role": "assistant", "content": []any{},
		"usage": map[string]any{"input_tokens": s.input, "output_tokens": 1}}})}
	for _, piece := range pieces(s.text) {
		out = append(out, chunk(map[string]any{"type": "content_block_delta", "index": 0, "delta": map[string]any{"type": "text_delta", "text": piece}}))
	}
	return append(out,
		chunk(map[string]any{"type": "message_delta", "delta": map[string]any{"stop_reason": s.stop}, "usage": map[string]any{"output_tokens": s.output}}),
		chunk(map[string]any{"type": "message_stop"}))
}

func chunk(holds any) event {
	text, err := json.Marshal(holds)
	if err != nil {
		text = nil // texts and numbers always encode
	}
	return event{"chunk", map[string]any{"bytes": text}} // bytes are base64 in JSON
}

// pieces are the words of a text, as a stream brings them.
func pieces(text string) []string {
	out := strings.SplitAfter(text, " ")
	if text == "" {
		return nil
	}
	return out
}
