package approve

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"remit/lambdas/login"
	"remit/ledger"
	"remit/policy"
	"remit/terms"
)

// ask sends one request to the approvals, "POST /approvals/x/approve", with a login.
func (d *desk) ask(what, token string) *httptest.ResponseRecorder {
	method, path, _ := strings.Cut(what, " ")
	r, w := httptest.NewRequest(method, path, nil), httptest.NewRecorder()
	r.Header.Set("Authorization", "Bearer "+token)
	d.Handler().ServeHTTP(w, r)
	return w
}

func TestAUserApprovesOverHTTP(t *testing.T) {
	d := newDesk(t)
	id, _ := d.proposed(t)
	login := d.login(t, "ana", nil)
	w := d.ask("GET /approvals/waiting", login)
	want := fmt.Sprintf(`{"waiting":[{"id":%q,"agent":"helper","tool":"refund_order","arguments":{"amount":5,"note":"\u003cb\u003e\"late\"\u003c/b\u003e","order":"O-1"},"shown":[{"name":"amount","value":"5"},{"name":"note","value":"\"\u003cb\u003e\\\"late\\\"\u003c/b\u003e\""},{"name":"order","value":"\"O-1\""}],"expires":"2026-11-23T12:15:00Z"}]}`, id) + "\n"
	if w.Code != http.StatusOK || w.Body.String() != want || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %v\ngot  %s\nwant %s", w.Code, w.Header(), w.Body, want)
	}
	if w := d.ask("POST /approvals/"+id+"/approve", login); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "refunded, run 1") || strings.Contains(w.Body.String(), "4111") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := d.ask("GET /approvals/waiting", login); w.Body.String() != "{\"waiting\":[]}\n" {
		t.Errorf("it ran, and ana still sees %s", w.Body)
	}
}

func TestEachEndHasWordsThatAUserCanActOn(t *testing.T) {
	const goneAlready = `409 {"error":"It waits no more: it was decided, has expired, or may not run now."}`
	for name, c := range map[string]struct {
		happens func(*desk, string)
		changed map[string]any
		want    string
	}{
		"an old login":    {func(*desk, string) {}, map[string]any{"iat": noon.Add(-time.Hour).Unix()}, `403 {"error":"Log in again to decide; a login counts for five minutes."}`},
		"it has run":      {func(d *desk, id string) { d.ask("POST /approvals/"+id+"/approve", d.login(t, "ana", nil)) }, nil, goneAlready},
		"it was rejected": {func(d *desk, id string) { d.ask("POST /approvals/"+id+"/reject", d.login(t, "ana", nil)) }, nil, goneAlready},
		"a throttled lane": {func(d *desk, _ string) {
			if err := d.ledger.Throttle(context.Background(), ledger.Throttle{Lane: lane, Until: d.at.Add(15 * time.Minute), Why: "ten times the usual", At: d.at}); err != nil {
				panic(err)
			}
		}, nil, `429 {"error":"The agent is busy. It still waits; try again at 12:15 UTC."}`},
		"it has expired":    {func(d *desk, _ string) { d.at = d.at.Add(time.Hour) }, nil, goneAlready},
		"another user":      {func(*desk, string) {}, map[string]any{"sub": "eve"}, goneAlready},
		"the lane is gone":  {func(d *desk, _ string) { d.lanes = nil }, nil, goneAlready},
		"a changed bundle":  {func(d *desk, _ string) { d.gateway.Digest = terms.Digest("sha256:" + strings.Repeat("1", 64)) }, nil, `409 {"error":"It gave no result: refused.","reference":"…"}`},
		"a signer is down":  {func(d *desk, _ string) { d.Signer = broken{d.Signer} }, nil, `503 {"error":"Something is unavailable. Look again whether it still waits."}`},
		"a gateway is down": {func(d *desk, _ string) { d.web.Close() }, nil, `503 {"error":"Something is unavailable. Look again whether it still waits."}`},
	} {
		d := newDesk(t)
		id, _ := d.proposed(t)
		c.happens(d, id)
		w := d.ask("POST /approvals/"+id+"/approve", d.login(t, "ana", c.changed))
		got := regexp.MustCompile(`"reference":"[A-Z0-9]{16}"`).ReplaceAllString(fmt.Sprintf("%d %s", w.Code, w.Body), `"reference":"…"`)
		if strings.TrimSpace(got) != c.want {
			t.Errorf("%s:\ngot  %swant %s", name, got, c.want)
		}
	}
}

func TestARejectedCallNeverRuns(t *testing.T) {
	d := newDesk(t)
	id, _ := d.proposed(t)
	if w := d.ask("POST /approvals/"+id+"/reject", d.login(t, "ana", nil)); w.Code != http.StatusNoContent {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	d.ask("POST /approvals/"+id+"/approve", d.login(t, "ana", nil))
	if len(d.ran) != 0 {
		t.Errorf("it ran %v", d.ran)
	}
}

func TestThePageIsFramedByNobodyAndLoadsNothing(t *testing.T) {
	d := newDesk(t)
	w := d.ask("GET /approvals", "")
	for name, want := range map[string]string{
		"Content-Type":            "text/html; charset=utf-8",
		"Content-Security-Policy": "default-src 'none'; style-src " + sourceOf("style") + "; script-src " + sourceOf("script") + "; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
		"X-Content-Type-Options":  "nosniff",
		"Referrer-Policy":         "no-referrer",
		"Cache-Control":           "no-store",
	} {
		if got := w.Header()[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if len(w.Header()) != 5 || w.Code != http.StatusOK {
		t.Errorf("%d, headers %v", w.Code, w.Header())
	}
	for _, forbidden := range []string{"http:", "https:", "src=", "href=", "<form", "<iframe", "<link", "cookie", "localStorage"} {
		if strings.Contains(w.Body.String(), forbidden) {
			t.Errorf("the page says %s: it loads, keeps or sends something", forbidden)
		}
	}
}

// sourceOf is the source expression of one inline element, read another way than the page's own.
func sourceOf(element string) string {
	text := regexp.MustCompile("(?s)<" + element + ">(.*)</" + element + ">").FindSubmatch(page)[1]
	sum := sha256.Sum256(text)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func TestThePageSpeaksToWhereTheIssuerGivesTokensAndTellsItsUserWhereToLogIn(t *testing.T) {
	d := newDesk(t)
	d.Entrance.Approvals = &policy.Approvals{Audience: "approvals", Client: "page", Scope: "extra"}
	document := `{"issuer":"` + companyURL + `","authorization_endpoint":"https://login.acme.example/authorize","token_endpoint":"https://tokens.acme.example:8443/t"}`
	d.Provider = &login.Provider{Issuer: companyURL, Fetch: func(context.Context, string) ([]byte, error) { return []byte(document), nil }}
	if got := d.ask("GET /approvals", "").Header().Get("Content-Security-Policy"); !strings.Contains(got, "connect-src 'self' https://tokens.acme.example:8443;") {
		t.Errorf("the page may speak to %s", got)
	}
	want := `{"authorization":"https://login.acme.example/authorize","token":"https://tokens.acme.example:8443/t","issuer":"` + companyURL + `","client":"page","scope":"openid extra","audience":"approvals","max_age":300}` + "\n"
	if w := d.ask("GET /approvals/login", ""); w.Code != http.StatusOK || w.Body.String() != want {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	d.Provider = &login.Provider{Issuer: companyURL, Fetch: func(context.Context, string) ([]byte, error) { return nil, errors.New("down") }}
	if got := d.ask("GET /approvals", "").Header().Get("Content-Security-Policy"); !strings.Contains(got, "connect-src 'self';") {
		t.Errorf("with the issuer down the page may speak to %s", got)
	}
	if w := d.ask("GET /approvals/login", ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("with the issuer down: %d %s", w.Code, w.Body)
	}
}

func TestWithoutAClientThePageOffersNoLogin(t *testing.T) {
	if w := newDesk(t).ask("GET /approvals/login", ""); w.Code != http.StatusOK || w.Body.String() != "{}\n" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// Whatever an argument holds is text on the page: the script has no way to turn one into
// markup or code. What a browser makes of it is in page_test.go.
func TestWhatArgumentsHoldIsNeverMarkupOrCode(t *testing.T) {
	for _, sink := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "createContextualFragment", "setHTML", "eval(", "Function(", "setAttribute", "javascript:", "srcdoc", "setTimeout", "import("} {
		if strings.Contains(string(page), sink) {
			t.Errorf("the page uses %s: an agent's argument could run as the user", sink)
		}
	}
	if got := strings.Count(string(page), "<script"); got != 1 {
		t.Errorf("the page has %d scripts", got)
	}
	if !strings.Contains(string(page), `[\p{C}\p{Z}\p{DI}]`) {
		t.Error("the page shows characters that nobody sees: an argument can look like another")
	}
}

func TestAGatewayThatAnswersSomethingElseIsNoResult(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
	}{
		"an error of HTTP": {500, `{"message":"Internal Server Error"}`}, "forbidden": {403, `{"message":"Forbidden"}`}, "throttled": {429, `{"message":"Too Many Requests"}`},
		"empty object": {200, `{}`}, "null": {200, `null`}, "a null result": {200, `{"jsonrpc":"2.0","id":1,"result":null}`}, "no JSON": {200, `<html>`}, "nothing": {202, ``},
		"a result with an error": {502, `{"jsonrpc":"2.0","id":1,"result":{"content":[]}}`}, "elsewhere": {307, ``},
	} {
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/")
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		}))
		if result, err := (OverHTTP{web.Client()}).Call(ctx, web.URL, "token", "a___b", json.RawMessage(`{}`)); err == nil {
			t.Errorf("%s: the user is told that it ran and answered %q", name, result)
		}
		web.Close()
	}
}
