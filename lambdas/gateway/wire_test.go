package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestNoTwoMessagesAreJudgedAsOne: the call goes on in the client's own bytes, so whatever
// Go reads as something else would be judged as one call and run as another.
func TestNoTwoMessagesAreJudgedAsOne(t *testing.T) {
	for name, argument := range map[string]string{
		"bytes that are no UTF-8":             "\"O-1\xff\"",
		"an overlong slash":                   "\"O-1\xc0\xaf\"",
		"a surrogate in UTF-8":                "\"O-1\xed\xa0\x80\"",
		"half a pair":                         `"O-1\ud800"`,
		"the other half":                      `"O-1\udfff"`,
		"a pair the wrong way round":          `"\udc00\ud800"`,
		"half a pair before another escape":   `"\ud800\n"`,
		"half a pair after a backslash":       `"\\\ud800"`,
		"a key with half a pair":              `{"a\ud800":1}`,
		"an integer float64 has no place for": `9007199254740993`,
		"two to the sixty-fourth, less one":   `18446744073709551615`,
		"a tail that float64 drops":           `0.1000000000000000055511151231257827`,
		"one and next to nothing":             `1.00000000000000000001`,
		"a large one in a list of lists":      `[[[-9007199254740993]]]`,
		"too small to be anything but 0":      `1e-400`,
		"too large":                           `1e400`,
		"a power nobody can count":            `1e-99999999999999999999`,
		"a key twice, deep down":              `{"a":[{"b":1,"b":2}]}`,
		"a key twice, once escaped":           `{"a":[{"b":1,"\u0062":2}]}`,
	} {
		g, _ := gatewayFor(t, "lead")
		reply := g.Request(context.Background(), event(callOf("close-order___close_order", fmt.Sprintf(`{"note":%s}`, argument))))
		if code(t, reply) != codeRefused {
			t.Errorf("%s went on to the tool, which may read another call than was judged: %q", name, argument)
		}
	}
}

func TestWhatEveryReaderSeesAlikeGoesOn(t *testing.T) {
	for name, argument := range map[string]string{
		"text":                        `"O-1 \u00e9 \ud83d\ude00 \\ud800 é 😀"`,
		"the replacement character":   `"\ufffd"`,
		"numbers in every notation":   `[0,-0,0.0,1,1.0,1e2,100,1E+2,0.1,-12.50,123456.789e-3,0.000001,1e-7,9007199254740992,1e21,1.7976931348623157e308,5e-324]`,
		"money in cents and in euros": `[1999,19.99]`,
	} {
		g, _ := gatewayFor(t, "lead")
		if reply := g.Request(context.Background(), event(callOf("close-order___close_order", fmt.Sprintf(`{"note":%s}`, argument)))); code(t, reply) != 0 {
			t.Errorf("%s was refused: %s", name, reply.MCP.Response.Body)
		}
	}
}

// TestNoTwoNumbersThatAreHeldShareAFloat is the law of held: exact arithmetic tells two
// numbers apart exactly when their float64s differ.
func TestNoTwoNumbersThatAreHeldShareAFloat(t *testing.T) {
	numbers := rapid.StringMatching(`-?(0|[1-9][0-9]{0,22})(\.[0-9]{1,22})?([eE][+-]?[0-9]{1,2})?`).Filter(held)
	rapid.Check(t, func(t *rapid.T) {
		a := numbers.Draw(t, "a")
		f, err := strconv.ParseFloat(a, 64)
		if err != nil {
			t.Fatalf("%s is held and is no float64: %v", a, err)
		}
		b := rapid.SampledFrom([]string{strconv.FormatFloat(f, 'g', -1, 64), strconv.FormatFloat(math.Nextafter(f, math.Inf(1)), 'f', -1, 64), a, numbers.Draw(t, "b")}).Filter(held).Draw(t, "either")
		g, err := strconv.ParseFloat(b, 64)
		if err != nil {
			t.Fatalf("%s is held and is no float64: %v", b, err)
		}
		x, _ := new(big.Rat).SetString(a)
		y, _ := new(big.Rat).SetString(b)
		if (x.Cmp(y) == 0) != (f == g) {
			t.Fatalf("%s and %s: the same number %v, the same float64 %v", a, b, x.Cmp(y) == 0, f == g)
		}
	})
}

// TestEveryFloatHasANumberThatIsHeld: what a client writes of a float64 is never refused.
func TestEveryFloatHasANumberThatIsHeld(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float64().Draw(t, "f")
		for _, notation := range []byte{'e', 'f', 'g'} {
			if text := strconv.FormatFloat(f, notation, -1, 64); !held(text) {
				t.Fatalf("%s is refused", text)
			}
		}
	})
}

// FuzzAMessageThatIsReadIsWhatWasWritten: a text in an accepted message means to Go what its
// bytes mean to everyone: written again, it is read the same, and no character was made up.
func FuzzAMessageThatIsReadIsWhatWasWritten(f *testing.F) {
	for _, seed := range []string{`"a"`, `"\ud800"`, `"\ud83d\ude00"`, `9007199254740993`, `{"a":1,"a":2}`, "\"\xff\"", `"\\ud800"`, `"\`, `"\u`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, argument string) {
		var m message
		if !m.read([]byte(callOf("a___a", `{"v":`+argument+`}`))) {
			return
		}
		text, err := json.Marshal(m.Params.Arguments)
		if err != nil || !utf8.Valid(text) {
			t.Fatalf("%q cannot be written again: %v", argument, err)
		}
		made := strings.Contains(string(text), "\ufffd") || strings.Contains(string(text), `\ufffd`)
		if made && !strings.Contains(argument, "\ufffd") && !strings.Contains(strings.ToLower(argument), `\ufffd`) {
			t.Fatalf("%q was read with a character nobody wrote: %s", argument, text)
		}
	})
}
