package lambda

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"remit/ledger"
	"remit/terms"
)

// approvals is the function where users approve, behind its address. Its way out leads to
// AgentCore's domain as it does when deployed, by name and over TLS, and there to the lane.
type approvals struct {
	*httptest.Server
	w *world

	mu   sync.Mutex
	went []string // the hosts it spoke to
}

func (w *world) approvals(l *lane, answers string) *approvals {
	w.t.Helper()
	a := &approvals{w: w}
	gateway := httptest.NewUnstartedServer(l.gateway(answers))
	host := strings.TrimSuffix(strings.TrimPrefix(l.gatewayURL(), "https://"), "/mcp")
	certificate, file := certified(w.t, host)
	gateway.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	gateway.StartTLS()
	w.t.Cleanup(gateway.Close)
	out := httptest.NewServer(a.through(gateway.Listener.Addr().String()))
	w.t.Cleanup(out.Close)
	f := w.function("approve", w.site.Role("approve"), w.entrance(), w.approveEnvironment(), 75*time.Second)
	maps.Copy(f.Environment, map[string]string{"HTTPS_PROXY": out.URL, "SSL_CERT_FILE": file}) // as Go's own client reads them
	a.Server = httptest.NewServer(f)
	w.t.Cleanup(a.Close)
	return a
}

// through is an HTTP proxy that leads every CONNECT to one address, and notes where to.
func (a *approvals) through(address string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.went = append(a.went, r.Host)
		a.mu.Unlock()
		to, err := net.Dial("tcp", address)
		if r.Method != http.MethodConnect || err != nil {
			http.Error(w, "no way", http.StatusBadGateway)
			return
		}
		from, read, err := http.NewResponseController(w).Hijack()
		if err != nil {
			_ = to.Close() // nothing was sent
			return
		}
		_, _ = io.WriteString(from, "HTTP/1.1 200 Connection Established\r\n\r\n") // the client has gone if this fails
		go func() { _, _ = io.Copy(to, read); _ = to.Close() }()                   // the server may have read ahead; either end may leave first
		go func() { _, _ = io.Copy(from, to); _ = from.Close() }()
	})
}

// certified is a certificate of a host, and the file of whoever vouches for it: itself.
func certified(t *testing.T, host string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	of := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// gateway is the lane's gateway over HTTP, with the built interceptors.
func (l *lane) gateway(answers string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var message struct {
			Params struct {
				Name      string
				Arguments json.RawMessage
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, tool, _ := strings.Cut(message.Params.Name, "___")
		got := l.call(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), tool, string(message.Params.Arguments), answers)
		_, _ = w.Write(got.body) // the client has gone if this fails
	})
}

// decide asks the approvals as a user who logged in on their page.
func (a *approvals) decide(method, path, user string) (int, string) {
	a.w.t.Helper()
	response, err := send(method, a.URL+"/approvals"+path, a.w.login.tokenFor(user, "agent-approvals", "approvals-page"), "")
	if err != nil {
		a.w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		a.w.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

const recommendation = `{"application_id":"A-1007","rationale":"thin file","recommendation":"refer"}`

// proposed has sam's agent propose a recommendation, and answers what waits.
func (w *world) proposed(l *lane) string {
	w.t.Helper()
	var id string
	w.execution("sam", "loan-processor", "underwriting", func(o opened) {
		got := l.call(o.Token, "generate_recommendation", recommendation, `{}`)
		var result struct {
			StructuredContent struct{ Confirmation string }
		}
		if err := json.Unmarshal(got.Got.Result, &result); err != nil || got.Sent != nil || result.StructuredContent.Confirmation == "" {
			w.t.Fatalf("it was to wait: %s, %v", got.body, err)
		}
		id = result.StructuredContent.Confirmation
	})
	return id
}

func (w *world) stands(id string) ledger.ConfirmationStatus {
	w.t.Helper()
	c, err := w.ledger().Confirmation(context.Background(), terms.User{ID: "sam", Tenant: "north"}, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return c.Status
}

func TestAUserApprovesAtTheBuiltFunctionAndTheCallRunsOnceThroughItsLane(t *testing.T) {
	w := withTables(t)
	l := w.lane("loan-processor", "stable")
	id := w.proposed(l)
	a := w.approvals(l, `{"recommendation_id":"REC-1","status":"recorded","secret":"x"}`)
	for who, want := range map[string]string{"sam": `"name":"rationale","value":"\"thin file\""`, "ana": `{"waiting":[]}`} {
		if status, text := a.decide(http.MethodGet, "/waiting", who); status != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%s sees %d %s", who, status, text)
		}
	}
	if status, text := a.decide(http.MethodPost, "/"+id+"/approve", "ana"); status != http.StatusConflict || w.stands(id) != ledger.ConfirmationPending {
		t.Errorf("ana approved what waits for sam: %d %s", status, text)
	}
	if status, text := a.decide(http.MethodPost, "/"+id+"/approve", "sam"); status != http.StatusOK || !strings.Contains(text, "REC-1") || strings.Contains(text, "secret") {
		t.Fatalf("sam is told %d %s", status, text)
	}
	if status, text := a.decide(http.MethodPost, "/"+id+"/approve", "sam"); status != http.StatusConflict || w.stands(id) != ledger.ConfirmationDone {
		t.Errorf("approved again: %d %s, %s", status, text, w.stands(id))
	}
	if want := []string{strings.TrimSuffix(strings.TrimPrefix(l.gatewayURL(), "https://"), "/mcp") + ":443"}; !slices.Equal(a.went, want) {
		t.Errorf("a token went to %v, want once to %v", a.went, want)
	}
}

func TestAUserRejectsAtTheBuiltFunctionAndNothingRuns(t *testing.T) {
	w := withTables(t)
	l := w.lane("loan-processor", "stable")
	id := w.proposed(l)
	a := w.approvals(l, `{}`)
	if status, text := a.decide(http.MethodPost, "/"+id+"/reject", "sam"); status != http.StatusNoContent || w.stands(id) != ledger.ConfirmationRejected || len(a.went) != 0 {
		t.Errorf("%d %s, it is %s, and a token went to %v", status, text, w.stands(id), a.went)
	}
}

func TestARegistryThatPointsElsewhereCollectsNoToken(t *testing.T) {
	w := withTables(t)
	l := w.lane("loan-processor", "stable")
	id := w.proposed(l)
	registration := w.p.Registration(l.Running, l.runtime(), "https://collector.example/mcp", "")
	w.cloud.Put(l.Registration(), string(documents(t, "", registration)[""]))
	a := w.approvals(l, `{}`)
	if status, text := a.decide(http.MethodPost, "/"+id+"/approve", "sam"); status == http.StatusOK || len(a.went) != 0 || w.stands(id) != ledger.ConfirmationPending {
		t.Errorf("%d %s, a token went to %v, and it is %s", status, text, a.went, w.stands(id))
	}
}

func TestTheBuiltApprovalsTellABrowserWhereToLogIn(t *testing.T) {
	w := deployed(t)
	l := w.lane("loan-processor", "stable")
	a := w.approvals(l, `{}`)
	want := `{"authorization":"` + w.login.URL + `/authorize","token":"` + w.login.URL + `/token","issuer":"` + w.login.URL + `","client":"approvals-page","scope":"openid","audience":"agent-approvals","max_age":300}` + "\n"
	if status, text := a.decide(http.MethodGet, "/login", "sam"); status != http.StatusOK || text != want {
		t.Errorf("%d %s", status, text)
	}
	response, err := send(http.MethodGet, a.URL+"/approvals", "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got := response.Header.Get("Content-Security-Policy"); !strings.Contains(got, "connect-src 'self' "+w.login.URL+";") {
		t.Errorf("the page may speak to %s", got)
	}
}
