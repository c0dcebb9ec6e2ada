package dev

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"remit/lambdas/entry"
	"remit/platform"
	"remit/platform/load"
)

// memory is a declaration that a test can edit.
type memory struct {
	stamp string
	p     *platform.Platform
	err   error
}

func (m *memory) Stamp() string                     { return m.stamp }
func (m *memory) Load() (*platform.Platform, error) { return m.p, m.err }

// running is a server over the loader's own smallest company, with invented users.
func running(t *testing.T) (*Server, *memory, *httptest.Server, *bytes.Buffer) {
	t.Helper()
	source := &memory{stamp: "1", p: acme(t)}
	var s *Server
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.Handler().ServeHTTP(w, r) }))
	t.Cleanup(web.Close)
	log := &bytes.Buffer{}
	var err error
	if s, err = New(source, "test", web.URL, time.Now, log); err != nil {
		t.Fatal(err)
	}
	return s, source, web, log
}

func acme(t *testing.T) *platform.Platform {
	t.Helper()
	p, err := load.Dir("../platform/load/testdata/base", "2026-11-23")
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Environments {
		if e := &p.Environments[i]; e.Data.Kind == "synthetic" {
			e.Data.Users = []platform.DataUser{{Name: "ana", Tenant: "north", Roles: []string{"clerk"}}, {Name: "guest", Tenant: "north", Roles: []string{"nobody"}}}
			for j := range e.Targets {
				e.Targets[j].Mock = map[string]any{"state": "open", "secret": "4111"}
			}
		}
	}
	return p
}

func opened(t *testing.T, s *Server, user string) Opened {
	t.Helper()
	login, err := s.Login(user)
	if err != nil {
		t.Fatal(err)
	}
	status, text := post(t, s.base+"/executions", login, `{"agent":"helper","purpose":"ordering"}`)
	var o Opened
	if err := json.Unmarshal([]byte(text), &o); err != nil || status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	return o
}

// post sends a message and returns status and body.
func post(t *testing.T, url, token, body string, headers ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, text.String()
}

const findOrder = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"find-order___find_order","arguments":{"order":"O-1"}}}`

func TestACallGoesThroughAndOnlyWhatIsDeclaredComesBack(t *testing.T) {
	s, _, _, log := running(t)
	o := opened(t, s, "ana")
	status, body := post(t, o.Gateway, o.Token, findOrder)
	if status != http.StatusOK || !strings.Contains(body, "open") || strings.Contains(body, "4111") {
		t.Errorf("%d %s", status, body)
	}
	if !strings.Contains(log.String(), "allowed ana of north") || strings.Contains(log.String(), o.Token) || strings.Contains(log.String(), "O-1") {
		t.Errorf("the log must tell the decision and neither token nor arguments:\n%s", log)
	}
}

func TestATokenWorksWhereItBelongsAndNowhereElse(t *testing.T) {
	s, _, web, _ := running(t)
	o := opened(t, s, "ana")
	login, _ := s.Login("ana")
	for name, c := range map[string]struct {
		url, token string
		want       int
	}{
		"no token":                          {o.Gateway, "", http.StatusUnauthorized},
		"the user's own login at a gateway": {o.Gateway, login, http.StatusUnauthorized},
		"one byte changed":                  {o.Gateway, o.Token[:len(o.Token)-2] + "xx", http.StatusUnauthorized},
		"unsigned":                          {o.Gateway, "eyJhbGciOiJub25lIn0.e30.", http.StatusUnauthorized},
		"the agent opens an execution":      {web.URL + "/executions", o.Token, http.StatusForbidden},
		"a lane that does not exist":        {web.URL + "/lanes/helper/canary/mcp", o.Token, http.StatusNotFound},
	} {
		body := findOrder
		if strings.HasSuffix(c.url, "/executions") {
			body = `{"agent":"helper","purpose":"ordering"}`
		}
		if status, text := post(t, c.url, c.token, body); status != c.want {
			t.Errorf("%s: got %d %s", name, status, text)
		}
	}
	if status, _ := post(t, o.Gateway, o.Token, findOrder, "Authorization", "Bearer "+o.Token); status != http.StatusUnauthorized {
		t.Errorf("two Authorization headers got %d", status)
	}
}

func TestAnExecutionIsOpenedOnlyForWhomTheAgentIsFor(t *testing.T) {
	s, _, _, _ := running(t)
	ana, _ := s.Login("ana")
	guest, _ := s.Login("guest")
	for name, c := range map[string]struct{ login, agent, lane, purpose string }{
		"no login":        {"", "helper", "", "ordering"},
		"no role":         {guest, "helper", "", "ordering"},
		"unknown agent":   {ana, "nobody", "", "ordering"},
		"another purpose": {ana, "helper", "", "marketing"},
		"no purpose":      {ana, "helper", "", ""},
		"unknown lane":    {ana, "helper", "canary", "ordering"},
	} {
		asked := entry.Asked{Agent: c.agent, Lane: c.lane, Purpose: c.purpose}
		if o, err := s.current().entry.Open(context.Background(), "ref", c.login, asked); !errors.Is(err, entry.ErrRefused) {
			t.Errorf("%s: %+v, %v", name, o, err)
		}
	}
	if _, err := s.Login("stranger"); err == nil {
		t.Error("someone nobody declared signed in")
	}
}

func TestAPageOfAnotherSiteCannotSpeakToTheGateway(t *testing.T) {
	s, _, _, _ := running(t)
	o := opened(t, s, "ana")
	if status, _ := post(t, o.Gateway, o.Token, findOrder, "Origin", "https://evil.example"); status != http.StatusForbidden {
		t.Errorf("another site's page got %d", status)
	}
	r, _ := http.NewRequest(http.MethodPost, o.Gateway, strings.NewReader(findOrder))
	r.Host = "evil.example"
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("a name that was made to point here got %d", response.StatusCode)
	}
}

func TestMessagesThatAreNoneGetTheirOwnAnswer(t *testing.T) {
	s, _, _, _ := running(t)
	o := opened(t, s, "ana")
	for name, c := range map[string]struct {
		body, want string
		status     int
	}{
		"not JSON":     {`{`, "-32700", http.StatusBadRequest},
		"batch":        {"[" + findOrder + "]", "-32001", http.StatusOK},
		"resources":    {`{"jsonrpc":"2.0","id":1,"method":"resources/list"}`, "-32001", http.StatusOK},
		"notification": {`{"jsonrpc":"2.0","method":"notifications/initialized"}`, "", http.StatusAccepted},
	} {
		if status, body := post(t, o.Gateway, o.Token, c.body); status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	response, err := http.Get(o.Gateway)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "POST" {
		t.Errorf("GET got %d", response.StatusCode)
	}
	if status, _ := post(t, o.Gateway, o.Token, findOrder, "MCP-Protocol-Version", "1999-01-01"); status != http.StatusBadRequest {
		t.Errorf("an unheard-of protocol version got %d", status)
	}
}

func TestAnEditIsInForceAtTheNextCallAndABrokenOneIsNot(t *testing.T) {
	s, source, _, log := running(t)
	o := opened(t, s, "ana")
	source.stamp, source.p, source.err = "2", nil, errors.New("line 3 is wrong")
	if _, body := post(t, o.Gateway, o.Token, findOrder); !strings.Contains(body, "open") || !strings.Contains(log.String(), "line 3 is wrong") {
		t.Errorf("a broken edit took the last good declaration away: %s\n%s", body, log)
	}
	narrowed := acme(t)
	for i := range narrowed.Tools {
		narrowed.Tools[i].Callers = []string{"lead"}
	}
	source.stamp, source.p, source.err = "3", narrowed, nil
	if _, body := post(t, o.Gateway, o.Token, findOrder); !strings.Contains(body, "-32001") {
		t.Errorf("the clerk lost the tool and still calls it: %s", body)
	}
}

func TestThePolicyEngineIsASecondWallBehindTheInterceptor(t *testing.T) {
	s, _, _, log := running(t)
	o := opened(t, s, "ana")
	l := s.world.lanes["helper/stable"]
	for name, c := range map[string]struct {
		token, action string
		want          bool
	}{
		"her own tool":           {o.Token, "find-order___find_order", true},
		"two underscores":        {o.Token, "find-order__find_order", false},
		"a tool nobody declared": {o.Token, "drop-table___drop_table", false},
		"no token":               {"", "find-order___find_order", false},
		"a token without claims": {"a.e30.c", "find-order___find_order", false},
	} {
		if got := l.engine.allows(c.token, c.action); got != c.want {
			t.Errorf("%s: the engine answers %v", name, got)
		}
	}
	for id := range l.engine.policies.All() {
		l.engine.policies.Remove(id)
	}
	if _, body := post(t, o.Gateway, o.Token, findOrder); strings.Contains(body, "open") || !strings.Contains(log.String(), "the two must agree") {
		t.Errorf("an engine without policies let a call through: %s\n%s", body, log)
	}
}

func TestOnlySyntheticDataStandsBesideInventedUsers(t *testing.T) {
	if _, err := New(&memory{p: acme(t)}, "live", "http://127.0.0.1:1", time.Now, &bytes.Buffer{}); err == nil {
		t.Error("an environment with real data was served with invented users")
	}
}

func TestTheIssuersDocumentsLeadToItsKey(t *testing.T) {
	_, _, web, _ := running(t)
	response, err := http.Get(web.URL + "/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var document struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	if err := json.NewDecoder(response.Body).Decode(&document); err != nil || document.Issuer != web.URL {
		t.Fatalf("%+v %v", document, err)
	}
	keys, err := http.Get(document.JWKS)
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Body.Close()
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.NewDecoder(keys.Body).Decode(&set); err != nil || len(set.Keys) != 1 || set.Keys[0]["d"] != nil {
		t.Errorf("want one public key, have %v (%v)", set.Keys, err)
	}
}
