package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"remit/lambdas/gateway"
)

// malformed is a message that is not one call, or not one user's, and the answer it must
// get.
type malformed struct {
	name, body string
	headers    http.Header // instead of the token
	status     int
	code       int // of the JSON-RPC error
}

func raw(values ...string) http.Header { return http.Header{"Authorization": values} }

// malformations spoil a call that would pass, whose arguments are one member with a text.
func malformations(call, member, token string) []malformed {
	const ok, bad, unauthorized = http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized
	const refused, notJSON = -32001, -32700
	instead := func(text string) string { return strings.Replace(call, member, text, 1) }
	inside := func(text string) string { return instead(member[:len(member)-1] + text + `"`) } // in the argument's own text
	beside := func(text string) string { return instead(member + "," + text) }
	deep := func(n int) string { return beside(`"a":` + strings.Repeat("[", n) + strings.Repeat("]", n)) }
	return []malformed{
		{"nothing", "", nil, bad, notJSON},
		{"white space", " \r\n\t", nil, bad, notJSON},
		{"cut short", call[:len(call)-1], nil, bad, notJSON},
		{"something after it", call + "x", nil, bad, notJSON},
		{"a comma too many", instead(member + ","), nil, bad, notJSON},
		{"single quotes", strings.ReplaceAll(call, `"`, `'`), nil, bad, notJSON},
		{"a comment", "/**/" + call, nil, bad, notJSON},
		{"a byte order mark", "\ufeff" + call, nil, bad, notJSON},
		{"a number that is none", strings.Replace(call, `"id":1`, `"id":NaN`, 1), nil, bad, notJSON},
		{"UTF-16", "\xff\xfe" + strings.Join(strings.Split(call, ""), "\x00") + "\x00", nil, bad, notJSON},
		{"null", "null", nil, ok, refused},
		{"text", `"tools/call"`, nil, ok, refused},
		{"a number", "1", nil, ok, refused},

		{"an empty batch", "[]", nil, ok, refused},
		{"a batch of one", "[" + call + "]", nil, ok, refused},
		{"a batch of two", "[" + call + "," + call + "]", nil, ok, refused},
		{"a batch in a batch", "[[" + call + "]]", nil, ok, refused},

		{"a longer message than is read", inside(strings.Repeat("A", gateway.MaxBody)), nil, http.StatusRequestEntityTooLarge, -32600},
		{"a longer one by white space", call + strings.Repeat(" ", gateway.MaxBody), nil, http.StatusRequestEntityTooLarge, -32600},
		{"lists 100 deep", deep(100), nil, ok, refused},
		{"lists deeper than any reader goes", deep(20_000), nil, bad, notJSON},
		{"lists that never end", strings.Repeat("[", 1<<20), nil, bad, notJSON},

		{"a method twice", strings.Replace(call, `"id":1`, `"id":1,"method":"ping"`, 1), nil, ok, refused},
		{"a method twice, once in escapes", strings.Replace(call, `"id":1`, `"id":1,"\u006dethod":"ping"`, 1), nil, ok, refused},
		{"params twice", strings.Replace(call, `"id":1`, `"id":1,"params":{}`, 1), nil, ok, refused},
		{"an argument twice", beside(member), nil, ok, refused},
		{"an argument twice, deep inside", beside(`"a":[{"b":1,"b":2}]`), nil, ok, refused},

		{"bytes that are no UTF-8 in a value", inside("\xff"), nil, bad, notJSON},
		{"bytes that are no UTF-8 in a key", beside("\"\xc0\xaf\":1"), nil, bad, notJSON},
		{"bytes that are no UTF-8 in the method", strings.Replace(call, "tools/call", "tools/call\xed\xa0\x80", 1), nil, bad, notJSON},
		{"an overlong spelling of a letter", inside("\xc1\x81"), nil, bad, notJSON},

		{"no Authorization", call, raw(), unauthorized, refused},
		{"an empty Authorization", call, raw(""), unauthorized, refused},
		{"a scheme alone", call, raw("Bearer"), unauthorized, refused},
		{"a scheme and a space", call, raw("Bearer "), unauthorized, refused},
		{"the token alone", call, raw(token), unauthorized, refused},
		{"another scheme", call, raw("Basic " + token), unauthorized, refused},
		{"the same token twice", call, raw("Bearer "+token, "Bearer "+token), unauthorized, refused},
		{"an empty one behind it", call, raw("Bearer "+token, ""), unauthorized, refused},
		{"another scheme before it", call, raw("Basic YTpi", "Bearer "+token), unauthorized, refused},
		{"two in one line", call, raw("Bearer " + token + ", Bearer " + token), unauthorized, refused},
		{"two spaces", call, raw("Bearer  " + token), unauthorized, refused},
		{"something behind the token", call, raw("Bearer " + token + " x"), unauthorized, refused},
		{"a token longer than is read", call, raw("Bearer " + strings.Repeat("a", 20<<10)), unauthorized, refused},
		{"the token under other names", call, http.Header{"X-Authorization": {"Bearer " + token}, "Proxy-Authorization": {"Bearer " + token}, "Cookie": {"Authorization=" + token}}, unauthorized, refused},
	}
}

// judged is a line of remit dev about a decision; what is malformed is never decided.
var judged = regexp.MustCompile(`(allowed|refused) \S+ of `)

func TestAMalformedMessageGetsAClearAnswerAndReachesNothing(t *testing.T) {
	var h hostility
	read(t, "story/agents/hostile.json", &h)
	s := &siege{hostility: h, targets: listening(t, h)}
	afterwards(t, &s.served, func(log string) {
		if lines := judged.FindAllString(log, -1); len(lines) != 1 {
			t.Errorf("one call was sent, and what is none was decided too: %q", lines)
		}
	})
	s.served = serve(t, edited(t, h.Company, s.mocked()))
	mine := h.Executions["mine"]
	opened, status := s.open(t, mine.User, mine.opening)
	if status != http.StatusCreated {
		t.Fatalf("no execution: %d", status)
	}
	var arguments bytes.Buffer
	if err := json.Compact(&arguments, h.Attacks[0].Call[1]); err != nil {
		t.Fatal(err)
	}
	member := strings.Trim(arguments.String(), "{}")
	call := strings.Replace(h.Attacks[0].message(t), string(h.Attacks[0].Call[1]), arguments.String(), 1)
	_, value, _ := strings.Cut(member, ":")
	for _, m := range malformations(call, member, opened.Token) {
		headers := raw("Bearer " + opened.Token)
		if m.headers != nil {
			headers = m.headers
		}
		status, text := post(t, opened.Gateway, []byte(m.body), headers)
		var answer struct {
			Version string `json:"jsonrpc"`
			Error   struct {
				Code    int
				Message string
			}
		}
		if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Version != "2.0" || answer.Error.Message == "" {
			t.Errorf("%s: no client could tell what was wrong: HTTP %d %.200s", m.name, status, text)
			continue
		}
		if status != m.status || answer.Error.Code != m.code {
			t.Errorf("%s: HTTP %d, code %d; want HTTP %d, code %d: %.200s", m.name, status, answer.Error.Code, m.status, m.code, text)
		}
		if strings.Contains(text, strings.Trim(value, `"`)) || strings.Contains(text, opened.Token) {
			t.Errorf("%s: the answer repeats what it was sent: %.200s", m.name, text)
		}
	}
	if n := s.count(); n != 0 {
		t.Errorf("%d malformed messages reached a tool", n)
	}
	if status, text := post(t, opened.Gateway, []byte(call), raw("bearer "+opened.Token)); status != http.StatusOK || s.count() != 1 {
		t.Errorf("the call itself does not pass, so the refusals above show nothing: HTTP %d %.200s", status, text)
	}
}

// TestAnAnswerWithoutATokenSaysHowToGetIn: RFC 9110 §11.6.1 wants a challenge with every 401.
func TestAnAnswerWithoutATokenSaysHowToGetIn(t *testing.T) {
	var h hostility
	read(t, "story/agents/hostile.json", &h)
	s := serve(t, h.Company)
	mine := h.Executions["mine"]
	opened, _ := s.open(t, mine.User, mine.opening)
	for name, values := range map[string][]string{"none": nil, "two": {"Bearer " + opened.Token, "Bearer " + opened.Token}, "a wrong one": {"Bearer x.y.z"}} {
		r, err := http.NewRequest(http.MethodPost, opened.Gateway, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = raw(values...)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if challenge := answer.Header.Get("WWW-Authenticate"); answer.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(challenge, "Bearer") {
			t.Errorf("%s: HTTP %d, challenge %q", name, answer.StatusCode, challenge)
		}
	}
}

func TestTheEntryOpensNothingForAMalformedRequest(t *testing.T) {
	var h hostility
	read(t, "story/agents/hostile.json", &h)
	s := serve(t, h.Company)
	mine := h.Executions["mine"]
	login := "Bearer " + s.Logins[mine.User]
	good := fmt.Sprintf(`{"agent":%q,"purpose":%q}`, mine.Agent, mine.Purpose)
	for name, c := range map[string]struct {
		body    string
		headers http.Header
		status  int
	}{
		"nothing":                 {"", raw(login), http.StatusBadRequest},
		"cut short":               {good[:len(good)-1], raw(login), http.StatusBadRequest},
		"a list":                  {"[" + good + "]", raw(login), http.StatusBadRequest},
		"null":                    {"null", raw(login), http.StatusForbidden},
		"the agent is a list":     {strings.Replace(good, `"`+mine.Agent+`"`, `["`+mine.Agent+`"]`, 1), raw(login), http.StatusBadRequest},
		"longer than is read":     {strings.Repeat(" ", 256<<10) + good, raw(login), http.StatusBadRequest},
		"no login":                {good, raw(), http.StatusForbidden},
		"the same login twice":    {good, raw(login, login), http.StatusForbidden},
		"the login in other form": {good, raw("Basic " + s.Logins[mine.User]), http.StatusForbidden},
	} {
		if status, text := post(t, s.Base+"/executions", []byte(c.body), c.headers); status != c.status || !strings.Contains(text, `"error"`) || strings.Contains(text, "token") {
			t.Errorf("%s: HTTP %d %.200s; want %d", name, status, text, c.status)
		}
	}
	if _, status := s.open(t, mine.User, mine.opening); status != http.StatusCreated {
		t.Errorf("the request itself opens nothing, so the refusals above show nothing: HTTP %d", status)
	}
}
