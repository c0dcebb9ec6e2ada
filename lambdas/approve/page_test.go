package approve

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"remit/lambdas/login"
	"remit/ledger"
	"remit/policy"
	"remit/test/browser"
)

// company is an identity provider as browsers see one: it logs ana in without asking.
type company struct {
	*httptest.Server
	d      *desk
	t      *testing.T
	asked  url.Values // at the authorization endpoint
	gave   int        // tokens
	alter  map[string]string
	answer func(redirect string, query url.Values) // changes what the browser brings back
}

func newCompany(t *testing.T, d *desk) *company {
	c := &company{d: d, t: t, answer: func(string, url.Values) {}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":%q,"token_endpoint":%q}`, c.URL, c.URL+"/authorize", c.URL+"/token")
	})
	mux.HandleFunc("GET /authorize", c.authorize)
	mux.HandleFunc("POST /token", c.token)
	c.Server = httptest.NewServer(mux)
	t.Cleanup(c.Close)
	return c
}

func (c *company) authorize(w http.ResponseWriter, r *http.Request) {
	c.asked = r.URL.Query()
	query := url.Values{"code": {"c0de"}, "state": {c.asked.Get("state")}, "iss": {c.URL}}
	c.answer(c.asked.Get("redirect_uri"), query)
	http.Redirect(w, r, c.asked.Get("redirect_uri")+"?"+query.Encode(), http.StatusSeeOther)
}

func (c *company) token(w http.ResponseWriter, r *http.Request) {
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if r.PostFormValue("code") != "c0de" || r.PostFormValue("client_id") != "page" || r.PostFormValue("redirect_uri") != c.asked.Get("redirect_uri") ||
		base64.RawURLEncoding.EncodeToString(sum[:]) != c.asked.Get("code_challenge") {
		http.Error(w, "not who asked for the code", http.StatusBadRequest)
		return
	}
	c.gave++
	claims := map[string]any{"iss": c.URL, "aud": "page", "nonce": c.asked.Get("nonce"), "name": "Ana Núñez"}
	for name, value := range c.alter {
		claims[name] = value
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	write(w, http.StatusOK, map[string]string{"access_token": c.d.login(c.t, "ana", map[string]any{"client_id": "page"}), "token_type": "Bearer", "id_token": "e30." + part(c.t, claims) + ".e30"})
}

// opened is a browser at the approvals of a desk, whose page is a client of the company's.
func opened(t *testing.T, d *desk) (*browser.Page, *company, string) {
	t.Helper()
	page := browser.Open(t)
	c, at := served(t, d)
	return page, c, at
}

func served(t *testing.T, d *desk) (*company, string) {
	t.Helper()
	c := newCompany(t, d)
	d.Entrance.Login.Issuer = c.URL
	d.Entrance.Approvals = &policy.Approvals{Audience: "approvals", Client: "page"}
	d.Provider = login.NewProvider(c.URL)
	web := httptest.NewServer(d.Handler())
	t.Cleanup(web.Close)
	return c, web.URL + "/approvals"
}

const (
	ready  = `!document.getElementById("login").hidden`
	logIn  = `document.getElementById("login").click()`
	says   = `document.getElementById("status").textContent`
	waits  = `document.querySelectorAll("article").length === 1`
	stored = `[localStorage.length, sessionStorage.length, document.cookie, location.href].join(" ")`
)

// hostile is a refund whose every argument would like to look like something else.
const hostile = `{"order":"O-1","amount":5,"again":"5","sum":9007199254740991,"note":"<img src=x onerror=alert(1)> \u202eevil \n 日本 \u200b","list":[1,"1",null,{"a b":true}],"</dd>":" "}`

func TestAUserLogsInSeesExactlyWhatWouldBeWrittenAndApprovesItOnce(t *testing.T) {
	d := newDesk(t)
	id, _ := d.proposing(t, hostile)
	page, company, at := opened(t, d)
	page.Go(at)
	page.Until(ready)
	page.Eval(logIn)
	page.Until(waits)
	for name, want := range map[string]string{"response_type": "code", "client_id": "page", "redirect_uri": at, "scope": "openid", "audience": "approvals", "code_challenge_method": "S256", "prompt": "login", "max_age": "300"} {
		if got := company.asked.Get(name); got != want {
			t.Errorf("the company is asked for %s %q, want %q", name, got, want)
		}
	}
	if got := page.Eval(stored); got != "0 0  "+at {
		t.Errorf("of the login there is left behind %q", got)
	}
	want, err := os.ReadFile("testdata/heard.txt")
	if err != nil {
		t.Fatal(err)
	}
	until := page.Eval(`new Date("2026-11-23T12:15:00Z").toLocaleString()`).(string)
	if got := strings.Replace(page.Hears(), until, "…", 1); got != string(want) {
		t.Errorf("a user of a screen reader hears\n%s\nwant\n%s", got, want)
	}
	page.Eval(`document.querySelector(".approve").click()`)
	page.Until(says + `.startsWith("It ran.")`)
	if len(d.ran) != 1 || d.status(t, id) != ledger.ConfirmationDone {
		t.Errorf("it ran %v and is %s", d.ran, d.status(t, id))
	}
	if page.Eval(`document.activeElement.id`) != "status" || page.Eval(says) != `It ran. It answered {"state":"refunded, run 1"}. Nothing waits for you.` {
		t.Errorf("the keyboard is at %v, and what is said is %v", page.Eval(`document.activeElement.id`), page.Eval(says))
	}
}

func TestALoginThatWasNotAskedForHereIsNone(t *testing.T) {
	page := browser.Open(t)
	for name, c := range map[string]struct {
		bring func(*company) // what goes wrong on the way
		says  string
	}{
		"begun elsewhere":   {func(c *company) { c.answer = func(_ string, q url.Values) { q.Set("state", "other") } }, "This login was not begun here. Log in again."},
		"without a state":   {func(c *company) { c.answer = func(_ string, q url.Values) { q.Set("state", "") } }, "This login was not begun here. Log in again."},
		"of another issuer": {func(c *company) { c.answer = func(_ string, q url.Values) { q.Set("iss", "https://eve.example") } }, "Another issuer answered. Log in again."},
		"refused": {func(c *company) {
			c.answer = func(_ string, q url.Values) { q.Del("code"); q.Set("error", "access_denied") }
		}, "The company's login refused. Log in again."},
		"with another's code":      {func(c *company) { c.answer = func(_ string, q url.Values) { q.Set("code", "stolen") } }, "The company's login gave no token. Log in again."},
		"with another's nonce":     {func(c *company) { c.alter = map[string]string{"nonce": "other"} }, "The login is not the one that was asked for. Log in again."},
		"of another page":          {func(c *company) { c.alter = map[string]string{"aud": "desk"} }, "The login is not the one that was asked for. Log in again."},
		"by another issuer's word": {func(c *company) { c.alter = map[string]string{"iss": "https://eve.example"} }, "The login is not the one that was asked for. Log in again."},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.proposed(t)
			company, at := served(t, d)
			c.bring(company)
			page.Go(at)
			page.Until(ready)
			page.Eval(logIn)
			page.Until(says + ` !== "" && ` + says + ` !== "Log in to see what waits for you."`)
			if got := page.Eval(says); got != c.says || page.Eval("!("+waits+") && "+ready) != true {
				t.Errorf("it says %q, want %q, and shows %v", got, c.says, page.Eval("document.body.innerText"))
			}
			if got := page.Eval(stored); got != "0 0  "+at {
				t.Errorf("of the login there is left behind %q", got)
			}
		})
	}
}

func TestAnAnswerThatNobodyAskedForLogsNobodyIn(t *testing.T) {
	d := newDesk(t)
	page, company, at := opened(t, d)
	page.Go(at + "?code=c0de&state=guessed")
	page.Until(ready)
	if got := page.Eval(says); got != "This login was not begun here. Log in again." || company.gave != 0 {
		t.Errorf("it says %q, and the company gave %d tokens", got, company.gave)
	}
}

func TestACallThatTheGatewayRefusesStandsThereStill(t *testing.T) {
	d := newDesk(t)
	id, _ := d.proposed(t)
	page, _, at := opened(t, d)
	d.own(t, "south")
	page.Go(at + "#" + d.login(t, "ana", map[string]any{"client_id": "page"}))
	page.Until(waits)
	page.Eval(`document.querySelector(".approve").click()`)
	page.Until(says + `.startsWith("It gave no result: refused. Reference ")`)
	if page.Eval(waits) != true || d.status(t, id) != ledger.ConfirmationPending {
		t.Errorf("it is %s, and the page shows %v", d.status(t, id), page.Eval("document.body.innerText"))
	}
	d.own(t, "north")
	page.Eval(`document.querySelector(".reject").click()`)
	page.Until(says + ` === "Rejected. It will not run. Nothing waits for you."`)
	if d.status(t, id) != ledger.ConfirmationRejected || len(d.ran) != 0 {
		t.Errorf("it is %s and ran %v", d.status(t, id), d.ran)
	}
}

func TestALoginThatHasGrownOldIsAskedForAgain(t *testing.T) {
	d := newDesk(t)
	d.proposed(t)
	page, _, at := opened(t, d)
	page.Go(at + "#" + d.login(t, "ana", map[string]any{"client_id": "page"}))
	page.Until(waits)
	d.at = d.at.Add(2 * Recent)
	page.Eval(`document.querySelector(".approve").click()`)
	page.Until(ready)
	if got := page.Eval(says); got != "Log in again to decide; a login counts for five minutes." || len(d.ran) != 0 {
		t.Errorf("it says %q, and ran %v", got, d.ran)
	}
}

func TestWithoutAClientThePageSaysSoInOneSentence(t *testing.T) {
	d := newDesk(t)
	d.proposed(t)
	page, _, at := opened(t, d)
	d.Entrance.Approvals, d.Provider = &policy.Approvals{Audience: "approvals"}, nil
	page.Go(at)
	page.Until(says)
	if got := page.Eval(says); got != "This environment declares no login for this page, so open it with a token of your own after the # of its address." || page.Eval(ready) != false {
		t.Errorf("it says %q", got)
	}
	page.Go("about:blank")
	page.Go(at + "#" + d.login(t, "ana", nil))
	page.Until(waits)
}

func TestThePageCallsNobodyButUsAndTheIssuer(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Access-Control-Allow-Origin", "*") }))
	t.Cleanup(elsewhere.Close)
	page, company, at := opened(t, newDesk(t))
	page.Go(at)
	page.Until(ready)
	for to, want := range map[string]any{elsewhere.URL: "refused", company.URL + "/token": "asked", at: "asked"} {
		if got := page.Eval(`fetch("` + to + `", {mode: "no-cors"}).then(() => "asked", () => "refused")`); got != want {
			t.Errorf("a script in the page calls %s: %v", to, got)
		}
	}
	if got := page.Eval(`new Promise(done => { const s = document.createElement("script"); s.textContent = "window.ran = true"; document.body.append(s); done(window.ran ?? "stopped") })`); got != "stopped" {
		t.Error("a script that is not the page's own runs in it")
	}
}
