package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"remit/test/conformance/listed"
)

var (
	schema = check{wireSchema, "SUCCESS"}
	passes = []check{{"ping", "SUCCESS"}, schema}
)

func TestWhatFailsOrChecksNothingIsAFault(t *testing.T) {
	for name, c := range map[string]struct {
		checks []check
		want   []string
	}{
		"it passes":                     {passes, nil},
		"it fails":                      {[]check{{"ping", "FAILURE"}, schema}, []string{"ping"}},
		"one check of it fails":         {[]check{{"ping", "SUCCESS"}, {"pong", "FAILURE"}}, []string{"ping:pong"}},
		"the same check fails twice":    {[]check{{"pong", "FAILURE"}, {"pong", "FAILURE"}}, []string{"ping:pong"}},
		"a message is not by the rules": {[]check{{"ping", "SUCCESS"}, {wireSchema, "FAILURE"}}, []string{"ping:" + wireSchema}},
		"nothing but the wire checked":  {[]check{schema}, []string{"ping (nothing checked)"}},
		"it only remarks":               {[]check{{"ping", "INFO"}, {"ping", "WARNING"}, {"ping", "SKIPPED"}}, []string{"ping (nothing checked)"}},
		"it says nothing at all":        {nil, []string{"ping (nothing checked)"}},
	} {
		if got := faultsOf("ping", c.checks); !slices.Equal(got, c.want) {
			t.Errorf("%s: faults %v, want %v", name, got, c.want)
		}
	}
}

// TestTheListAgreesWithTheSuiteOrTheRunFails plants what each kind of disagreement is made of.
func TestTheListAgreesWithTheSuiteOrTheRunFails(t *testing.T) {
	excuses := listed.Excuses{"prompts 1 2": "no prompts"}
	fails := []check{{"prompts", "FAILURE"}}
	for name, c := range map[string]struct {
		o    outcomes
		want string
	}{
		"as listed":                     {outcomes{"1": {"prompts": fails, "ping": passes}, "2": {"prompts": fails}}, ""},
		"a scenario fails":              {outcomes{"1": {"prompts": fails, "ping": {{"ping", "FAILURE"}}}, "2": {"prompts": fails}}, "no exception says why: ping 1\n"},
		"it passes in one revision":     {outcomes{"1": {"prompts": fails}, "2": {"prompts": passes}}, "no longer fails, so its line must go: prompts 1 2\n"},
		"it passes everywhere":          {outcomes{"1": {"prompts": passes}, "2": {"prompts": passes}}, "no longer fails, so its line must go: prompts 1 2\n"},
		"the suite left a revision out": {outcomes{"1": {"prompts": fails}}, "prompts 1\n"},
	} {
		got := c.o.against(excuses)
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want it to say %q", name, got, c.want)
		}
	}
}

func TestTheCommittedExceptionsEachHaveAReason(t *testing.T) {
	text, err := os.ReadFile("exceptions.txt")
	if err != nil {
		t.Fatal(err)
	}
	if e, err := listed.Read(string(text)); err != nil || len(e) == 0 {
		t.Errorf("%d exceptions: %v", len(e), err)
	}
}

// TestTheProxyChangesTheTokenAndTheStandInsNameAndNothingElse: a proxy that mended messages
// would make the suite pass for a server that is wrong.
func TestTheProxyChangesTheTokenAndTheStandInsNameAndNothingElse(t *testing.T) {
	var body, token, host string
	gateway := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		body, token, host = string(text), r.Header.Get("Authorization"), r.Host
	}))
	defer gateway.Close()
	s := &server{plan: plan{Stands: map[string]toolCall{"theirs": {"ours", json.RawMessage(`{"a":1}`)}}}}
	proxy, err := s.proxy(opened{gateway.URL + "/lanes/a/b/mcp", "T"})
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	for name, c := range map[string]struct{ method, sent, want string }{
		"the suite's own tool":  {"POST", `{"id":1,"params":{"name":"theirs","arguments":{}}}`, `{"id":1,"params":{"name":"ours","arguments":{"a":1}}}`},
		"another tool":          {"POST", `{"params": {"name":"other"},"id":1,"id":2}`, `{"params": {"name":"other"},"id":1,"id":2}`},
		"what is no JSON":       {"POST", "{\xff", "{\xff"},
		"a request without one": {"GET", "", ""},
	} {
		r, err := http.NewRequest(c.method, proxy.URL, strings.NewReader(c.sent))
		if err != nil {
			t.Fatal(err)
		}
		if c.sent == "" {
			r.Body = nil
		}
		r.Host = "evil.example"
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if body != c.want || token != "Bearer T" || host != "evil.example" {
			t.Errorf("%s: the server got %q, token %q, host %q", name, body, token, host)
		}
	}
}
