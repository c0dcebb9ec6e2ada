package login

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

const issuer = "https://login.acme.example/t1"

func answering(text string) *Provider {
	return &Provider{Issuer: issuer, Fetch: func(_ context.Context, url string) ([]byte, error) {
		if url != issuer+"/.well-known/openid-configuration" {
			return nil, fmt.Errorf("nothing is at %s", url)
		}
		return []byte(text), nil
	}}
}

func TestTheEndpointsAreTheDeclaredIssuersOwn(t *testing.T) {
	p := answering(`{"issuer":"` + issuer + `","authorization_endpoint":"https://login.acme.example/authorize","token_endpoint":"https://api.acme.example/token","jwks_uri":"https://x"}`)
	got, err := p.Endpoints(context.Background())
	if want := (Endpoints{"https://login.acme.example/authorize", "https://api.acme.example/token"}); err != nil || got != want {
		t.Errorf("got %v, %v", got, err)
	}
	p.Fetch = func(context.Context, string) ([]byte, error) { return nil, errors.New("down") }
	if again, err := p.Endpoints(context.Background()); err != nil || again != got {
		t.Errorf("within the hour the issuer is asked again: %v, %v", again, err)
	}
}

func TestNoCodeAndNoTokenGoesWhereTheIssuerIsNot(t *testing.T) {
	document := func(issuer, authorization, token string) string {
		return fmt.Sprintf(`{"issuer":%q,"authorization_endpoint":%q,"token_endpoint":%q}`, issuer, authorization, token)
	}
	const a = "https://login.acme.example/a"
	for name, text := range map[string]string{
		"another issuer": document("https://login.acme.example", a, a), "no issuer": document("", a, a), "plain HTTP for tokens": document(issuer, a, "http://login.acme.example/t"),
		"plain HTTP for codes": document(issuer, "http://login.acme.example/a", a), "no token endpoint": document(issuer, a, ""), "no authorization endpoint": document(issuer, "", a),
		"a path": document(issuer, a, "/token"), "a script": document(issuer, "javascript:alert(1)", a), "a user in the address": document(issuer, a, "https://login.acme.example@eve.example/t"),
		"not JSON": `<html>`, "nothing": ``, "null": `null`,
	} {
		if got, err := answering(text).Endpoints(context.Background()); err == nil || got != (Endpoints{}) {
			t.Errorf("%s: the browser is sent to %v", name, got)
		}
	}
}
