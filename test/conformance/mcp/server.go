package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
)

// server is a remit dev that runs, and whom the suite acts for.
type server struct {
	plan
	Base   string            `json:"base"`
	Logins map[string]string `json:"logins"`
	dev    *exec.Cmd
}

// opened is one execution: the gateway's address and the token that opens it.
type opened struct{ Gateway, Token string }

func serve(remit string, p plan) (*server, error) {
	s := &server{plan: p, dev: exec.Command(remit, "dev", p.Company, "--port", "0", "--json")}
	out, err := s.dev.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var said bytes.Buffer
	s.dev.Stderr = &said
	if err := s.dev.Start(); err != nil {
		return nil, fmt.Errorf("%w; is %s built?", err, remit)
	}
	if err := json.NewDecoder(out).Decode(s); err != nil {
		s.stop()
		return nil, fmt.Errorf("remit dev did not start: %w\n%s", err, &said)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // an unread pipe would stop it
	return s, nil
}

func (s *server) stop() {
	_ = s.dev.Process.Kill() // it has nothing to save
	_ = s.dev.Wait()         // a killed process reports its death as an error
}

// open opens an execution for the plan's user, as an application would.
func (s *server) open() (opened, error) {
	wanted, err := json.Marshal(map[string]string{"agent": s.Agent, "purpose": s.Purpose})
	if err != nil {
		return opened{}, err
	}
	r, err := http.NewRequest(http.MethodPost, s.Base+"/executions", bytes.NewReader(wanted))
	if err != nil {
		return opened{}, err
	}
	r.Header.Set("Authorization", "Bearer "+s.Logins[s.User])
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return opened{}, err
	}
	defer answer.Body.Close()
	var o opened
	if err := json.NewDecoder(answer.Body).Decode(&o); err != nil || answer.StatusCode != http.StatusCreated {
		return opened{}, fmt.Errorf("no execution for %s: %s", s.User, answer.Status)
	}
	return o, nil
}

var revision = regexp.MustCompile(`\d{4}-\d{2}-\d{2}`)

// announced are the revisions the gateway says it speaks when asked for one that it does not.
func (s *server) announced() ([]string, error) {
	o, err := s.open()
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(http.MethodPost, o.Gateway, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+o.Token)
	r.Header.Set("MCP-Protocol-Version", "none")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	found := revision.FindAllString(string(text), -1)
	if answer.StatusCode != http.StatusBadRequest || len(found) == 0 {
		return nil, errors.New("the gateway does not say which revisions it speaks: " + answer.Status)
	}
	return found, nil
}

// proxy answers on loopback for one execution. Host and Origin pass as they came: the suite
// tests what a server makes of foreign ones.
func (s *server) proxy(o opened) (*httptest.Server, error) {
	to, err := url.Parse(o.Gateway)
	if err != nil {
		return nil, err
	}
	return httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL, r.Out.Host = to, r.In.Host
		r.Out.Header.Set("Authorization", "Bearer "+o.Token)
		s.standIn(r.Out)
	}}), nil
}

// standIn puts a declared tool's call in the place of one of the suite's own tools. Every
// other message passes byte for byte.
func (s *server) standIn(r *http.Request) {
	if r.Body == nil {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the server then reads a body that ends early, and says so
	}
	var m map[string]json.RawMessage
	var call toolCall
	if json.Unmarshal(body, &m) == nil && json.Unmarshal(m["params"], &call) == nil {
		if stands, ok := s.Stands[call.Name]; ok {
			m["params"], _ = json.Marshal(stands) // text and JSON that was read encode
			body, _ = json.Marshal(m)
		}
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
}
