package authorizer

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"remit/identity"
	"remit/lambdas/entry/calls"
	"remit/terms"
)

const (
	door   = "https://door.acme.example"
	tool   = "pull_report"
	method = "arn:aws:execute-api:eu-west-1:111111111111:a1b2c3/live/POST/reports"
)

var (
	ctx  = context.Background()
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	call = identity.Call{Tool: tool, Arguments: [32]byte{1, 2}, User: terms.User{ID: "ana", Tenant: "north"}, Execution: "ex-1", Key: "north/pull_report/k",
		Lane: terms.Lane{Platform: "acme", Environment: "test", Agent: "helper", Name: "stable"}}
)

// guarded is a tool's authorizer that reads the keys the front door publishes, and the
// signer of those keys.
func guarded(t testing.TB) (*Authorizer, *identity.LocalSigner) {
	t.Helper()
	signer, err := identity.NewLocalSigner(identity.ES256)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := identity.JWKS(signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	discovery, err := identity.Discovery(door+calls.Path, door+calls.Path+"/jwks.json", identity.ES256)
	if err != nil {
		t.Fatal(err)
	}
	published := map[string][]byte{door + calls.Path + "/jwks.json": keys, door + calls.Path + "/.well-known/openid-configuration": discovery}
	verifier, err := calls.Verifier(door, tool, func(_ context.Context, url string) ([]byte, error) {
		text, found := published[url]
		if !found {
			return nil, fmt.Errorf("%s: nothing is there", url)
		}
		return text, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return &Authorizer{Tool: tool, Verifier: verifier, Now: func() time.Time { return noon }}, signer
}

func asserted(t testing.TB, signer identity.Signer, from string, c identity.Call) string {
	t.Helper()
	raw, err := calls.Asserter(signer, from, time.Minute)(ctx, c, noon)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func shown(assertion, digest string) events.APIGatewayCustomAuthorizerRequestTypeRequest {
	return events.APIGatewayCustomAuthorizerRequestTypeRequest{MethodArn: method, MultiValueHeaders: map[string][]string{Header: {assertion}, Digest: {digest}}}
}

func digestOf(c identity.Call) string { return hex.EncodeToString(c.Arguments[:]) }

// effect is what API Gateway is told, and for what: "Allow POST/reports ana".
func effect(t testing.TB, r events.APIGatewayCustomAuthorizerResponse, err error) string {
	t.Helper()
	s := r.PolicyDocument.Statement
	if err != nil || len(s) != 1 || len(s[0].Action) != 1 || s[0].Action[0] != "execute-api:Invoke" || len(s[0].Resource) != 1 {
		t.Fatalf("API Gateway would answer 500: %+v, %v", r, err)
	}
	if s[0].Effect == "Deny" && r.Context != nil {
		t.Errorf("a denial tells the API %v", r.Context)
	}
	return s[0].Effect + " " + s[0].Resource[0] + " " + r.PrincipalID
}

func TestAnAssertedCallIsAllowedForItsMethodAloneWithWhoAsks(t *testing.T) {
	a, signer := guarded(t)
	for _, name := range []string{"X-Remit-Assertion", "x-remit-assertion", "X-REMIT-ASSERTION"} { // HTTP/2 writes lower case
		r := shown("", digestOf(call))
		delete(r.MultiValueHeaders, Header)
		r.MultiValueHeaders[name] = []string{asserted(t, signer, door, call)}
		reply, err := a.Serve(ctx, r)
		if got := effect(t, reply, err); got != "Allow "+method+" ana" {
			t.Errorf("%s: %s", name, got)
		}
		want := map[string]any{"user": "ana", "tenant": "north", "lane": "acme.test.helper.stable", "execution": "ex-1", "key": "north/pull_report/k", "arguments": digestOf(call)}
		if fmt.Sprint(reply.Context) != fmt.Sprint(want) {
			t.Errorf("the API is told %v, want %v", reply.Context, want)
		}
	}
}

func TestWhateverIsNotThisCallIsDenied(t *testing.T) {
	a, signer := guarded(t)
	stranger, err := identity.NewLocalSigner(identity.ES256)
	if err != nil {
		t.Fatal(err)
	}
	other := call
	other.Tool = "close_account"
	good, delegation := asserted(t, signer, door, call), ""
	delegation, err = identity.Mint(ctx, signer, identity.Delegation{Issuer: door, User: call.User, Lane: call.Lane, Execution: "ex-1", Purpose: "p", Audience: tool, Deadline: noon.Add(time.Minute)}, noon)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*events.APIGatewayCustomAuthorizerRequestTypeRequest){
		"no headers at all": func(r *events.APIGatewayCustomAuthorizerRequestTypeRequest) { r.MultiValueHeaders = nil },
		"no assertion":      func(r *events.APIGatewayCustomAuthorizerRequestTypeRequest) { delete(r.MultiValueHeaders, Header) },
		"no digest":         func(r *events.APIGatewayCustomAuthorizerRequestTypeRequest) { delete(r.MultiValueHeaders, Digest) },
		"two assertions": func(r *events.APIGatewayCustomAuthorizerRequestTypeRequest) {
			r.MultiValueHeaders[Header] = []string{good, good}
		},
		"an empty one beside it": func(r *events.APIGatewayCustomAuthorizerRequestTypeRequest) {
			r.MultiValueHeaders[Header] = []string{"", good}
		},
		"two spellings": func(r *events.APIGatewayCustomAuthorizerRequestTypeRequest) {
			r.MultiValueHeaders[strings.ToLower(Header)] = []string{good}
		},
		"two digests": func(r *events.APIGatewayCustomAuthorizerRequestTypeRequest) {
			r.MultiValueHeaders[strings.ToLower(Digest)] = []string{digestOf(call)}
		},
		"only single-value headers": func(r *events.APIGatewayCustomAuthorizerRequestTypeRequest) {
			r.Headers, r.MultiValueHeaders = map[string]string{Header: good, Digest: digestOf(call)}, nil
		},
		"other arguments": func(r *events.APIGatewayCustomAuthorizerRequestTypeRequest) {
			r.MultiValueHeaders[Digest] = []string{strings.Repeat("00", 32)}
		},
		"a short digest": func(r *events.APIGatewayCustomAuthorizerRequestTypeRequest) {
			r.MultiValueHeaders[Digest] = []string{"0102"}
		},
		"no digest but words": func(r *events.APIGatewayCustomAuthorizerRequestTypeRequest) {
			r.MultiValueHeaders[Digest] = []string{"sha256:" + digestOf(call)}
		},
		"another tool's assertion": func(r *events.APIGatewayCustomAuthorizerRequestTypeRequest) {
			r.MultiValueHeaders[Header] = []string{asserted(t, signer, door, other)}
		},
		"another key's assertion": func(r *events.APIGatewayCustomAuthorizerRequestTypeRequest) {
			r.MultiValueHeaders[Header] = []string{asserted(t, stranger, door, call)}
		},
		"another door's assertion": func(r *events.APIGatewayCustomAuthorizerRequestTypeRequest) {
			r.MultiValueHeaders[Header] = []string{asserted(t, signer, "https://else.example", call)}
		},
		"a delegation token": func(r *events.APIGatewayCustomAuthorizerRequestTypeRequest) {
			r.MultiValueHeaders[Header] = []string{delegation}
		},
		"a bearer": func(r *events.APIGatewayCustomAuthorizerRequestTypeRequest) {
			r.MultiValueHeaders[Header] = []string{"Bearer " + good}
		},
		"no method": func(r *events.APIGatewayCustomAuthorizerRequestTypeRequest) { r.MethodArn = "" },
		"every method at once": func(r *events.APIGatewayCustomAuthorizerRequestTypeRequest) {
			r.MethodArn = "arn:aws:execute-api:eu-west-1:111111111111:a1b2c3/live/GET/*"
		},
		"a variable": func(r *events.APIGatewayCustomAuthorizerRequestTypeRequest) {
			r.MethodArn = "arn:aws:execute-api:eu-west-1:111111111111:a1b2c3/live/GET/${*}"
		},
		"any letter at once": func(r *events.APIGatewayCustomAuthorizerRequestTypeRequest) {
			r.MethodArn = "arn:aws:execute-api:eu-west-1:111111111111:a1b2c3/live/GET/report?"
		},
	} {
		r := shown(good, digestOf(call))
		change(&r)
		reply, err := a.Serve(ctx, r)
		if got, want := effect(t, reply, err), "Deny "+r.MethodArn+" nobody"; got != want && got != "Deny * nobody" {
			t.Errorf("%s: %s", name, got)
		}
	}
	a.Now = func() time.Time { return noon.Add(91 * time.Second) } // a minute, and the clocks' leeway
	reply, err := a.Serve(ctx, shown(good, digestOf(call)))
	if got := effect(t, reply, err); !strings.HasPrefix(got, "Deny ") {
		t.Errorf("a call of a minute and a half ago: %s", got)
	}
}

type panicking struct{}

func (panicking) VerifyCall(context.Context, string, string, [32]byte, time.Time) (identity.Call, error) {
	panic("a bug")
}

func TestAnAuthorizerThatIsIncompleteOrFaultyDenies(t *testing.T) {
	whole, signer := guarded(t)
	raw := asserted(t, signer, door, call)
	for name, a := range map[string]*Authorizer{
		"the zero one": {}, "no tool": {Verifier: whole.Verifier, Now: whole.Now}, "no verifier": {Tool: tool, Now: whole.Now}, "no clock": {Tool: tool, Verifier: whole.Verifier},
		"a bug": {Tool: tool, Verifier: panicking{}, Now: whole.Now},
	} {
		reply, err := a.Serve(ctx, shown(raw, digestOf(call)))
		if got := effect(t, reply, err); got != "Deny "+method+" nobody" {
			t.Errorf("%s: %s", name, got)
		}
	}
}
