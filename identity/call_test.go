package identity

import (
	"encoding/hex"
	"testing"
	"time"
)

func callIssuer(keys []byte) Issuer {
	return Issuer{
		URL: issuerURL, Kind: KindCall, Audiences: []string{"pull_credit_report", "query_risk_model"}, Algorithms: []Algorithm{ES256},
		Types: []string{"remit-call+jwt"}, MaxAge: MaxCall, Keys: KeySource{Fixed: keys},
	}
}

func callClaimsNow() object {
	return object{
		"iss": issuerURL, "sub": "auth0|alice", "aud": "pull_credit_report", "exp": noon.Add(time.Minute).Unix(), "iat": noon.Unix(), "nbf": noon.Unix(),
		"jti": "j3", "act": object{"sub": loans.String()}, "tenant": "acme", "execution": "exec-1", "args": hex.EncodeToString(append([]byte{1}, make([]byte, 31)...)),
		"idempotency_key": "k1",
	}
}

func oneCall() Call {
	user := alice
	user.Roles = nil
	return Call{Issuer: issuerURL, Tool: "pull_credit_report", Arguments: [32]byte{1}, User: user, Lane: loans, Execution: "exec-1", Key: "k1"}
}

func TestAToolLearnsOneCallAndNoOther(t *testing.T) {
	calls, delegations := newSigner(t, ES256), newSigner(t, ES256)
	tool := newVerifier(t, callIssuer(jwksOf(t, calls)))
	gateway := newVerifier(t, delegationIssuer(jwksOf(t, delegations)))
	raw, err := Assert(ctx, calls, oneCall(), MaxCall, noon)
	if err != nil {
		t.Fatal(err)
	}
	got, err := tool.VerifyCall(ctx, raw, "pull_credit_report", [32]byte{1}, noon)
	want := oneCall()
	if err != nil || got.User.ID != want.User.ID || got.User.Tenant != want.User.Tenant || got.Lane != want.Lane || got.Execution != want.Execution ||
		got.Key != want.Key || got.Tool != want.Tool || got.Arguments != want.Arguments || got.Issuer != want.Issuer {
		t.Fatalf("asserted %+v, read %+v, %v", want, got, err)
	}
	for _, row := range []struct {
		name, tool string
		arguments  [32]byte
		now        time.Time
		want       Reason
	}{
		{"another tool", "query_risk_model", [32]byte{1}, noon, WrongAudience},
		{"other arguments", "pull_credit_report", [32]byte{2}, noon, WrongCall},
		{"a minute and the leeway later", "pull_credit_report", [32]byte{1}, noon.Add(90 * time.Second), Expired},
	} {
		if _, err := tool.VerifyCall(ctx, raw, row.tool, row.arguments, row.now); reason(t, err) != row.want {
			t.Errorf("%s: got %s, want %s", row.name, reason(t, err), row.want)
		}
	}
	// Neither kind passes for the other, whoever signed it.
	if _, err := gateway.Verify(ctx, raw, loans.String(), noon); reason(t, err) != WrongType {
		t.Errorf("a call assertion opens a gateway: %s", reason(t, err))
	}
	delegation, err := Mint(ctx, calls, loanRun(), noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tool.VerifyCall(ctx, delegation, "pull_credit_report", [32]byte{1}, noon); reason(t, err) != WrongType {
		t.Errorf("a delegation token passes for a call: %s", reason(t, err))
	}
	if _, err := tool.Verify(ctx, raw, "pull_credit_report", noon); reason(t, err) != UnknownIssuer {
		t.Errorf("a call assertion names a user: %s", reason(t, err))
	}
	if _, err := gateway.VerifyCall(ctx, delegation, loans.String(), [32]byte{1}, noon); reason(t, err) != UnknownIssuer {
		t.Errorf("a gateway's issuer asserts calls: %s", reason(t, err))
	}
}

func TestACallAssertionNeverOutlivesACall(t *testing.T) {
	s := newSigner(t, ES256)
	v := newVerifier(t, callIssuer(jwksOf(t, s)))
	for _, life := range []time.Duration{0, -time.Second, MaxCall + 1, time.Hour} {
		if raw, err := Assert(ctx, s, oneCall(), life, noon); err == nil {
			t.Errorf("asserted for %v: %s", life, raw)
		}
	}
	long := craft(t, s, headerOf(s, "remit-call+jwt"), with(callClaimsNow(), "exp", noon.Add(61*time.Second).Unix()))
	if _, err := v.VerifyCall(ctx, long, "pull_credit_report", [32]byte{1}, noon); reason(t, err) != TooLongLived {
		t.Errorf("got %s", reason(t, err))
	}
}

func TestACallAssertionNamesEverythingOrIsNotMade(t *testing.T) {
	s := newSigner(t, ES256)
	for name, spoil := range map[string]func(*Call){
		"issuer": func(c *Call) { c.Issuer = "" }, "tool": func(c *Call) { c.Tool = "" }, "arguments": func(c *Call) { c.Arguments = [32]byte{} },
		"user": func(c *Call) { c.User.ID = "" }, "tenant": func(c *Call) { c.User.Tenant = "" }, "lane": func(c *Call) { c.Lane.Name = "" },
		"execution": func(c *Call) { c.Execution = "" }, "key": func(c *Call) { c.Key = "" }, "line end": func(c *Call) { c.User.ID = "a\nb" },
	} {
		c := oneCall()
		spoil(&c)
		if _, err := Assert(ctx, s, c, MaxCall, noon); err == nil {
			t.Errorf("asserted without %s", name)
		}
	}
}
