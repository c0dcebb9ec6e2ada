package calls

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"remit/identity"
	"remit/terms"
)

const door = "https://door.acme.example"

var (
	ctx  = context.Background()
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	call = identity.Call{Tool: "pull_report", Arguments: [32]byte{7}, User: terms.User{ID: "ana", Tenant: "north"}, Execution: "ex-1", Key: "k",
		Lane: terms.Lane{Platform: "acme", Environment: "test", Agent: "helper", Name: "stable"}}
)

func newSigner(t testing.TB) *identity.LocalSigner {
	t.Helper()
	s, err := identity.NewLocalSigner(identity.ES256)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// publishing answers the documents of the issuer below the front door, and keeps what was
// asked for.
func publishing(t testing.TB, key identity.PublicKey, asked *[]string) identity.Fetch {
	t.Helper()
	keys, err := identity.JWKS(key)
	if err != nil {
		t.Fatal(err)
	}
	discovery, err := identity.Discovery(door+Path, door+Path+"/jwks.json", identity.ES256)
	if err != nil {
		t.Fatal(err)
	}
	return func(_ context.Context, url string) ([]byte, error) {
		*asked = append(*asked, url)
		switch url {
		case door + Path + "/jwks.json":
			return keys, nil
		case door + Path + "/.well-known/openid-configuration":
			return discovery, nil
		}
		return nil, errors.New("nothing is there")
	}
}

func TestAToolReadsTheAssertedCallWithKeysFromBelowTheFrontDoor(t *testing.T) {
	signer, asked := newSigner(t), []string{}
	v, err := Verifier(door, "pull_report", publishing(t, signer.Public(), &asked))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := Asserter(signer, door, time.Minute)(ctx, call, noon)
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.VerifyCall(ctx, raw, "pull_report", call.Arguments, noon)
	want := call
	want.Issuer = door + "/calls"
	if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("asserted %+v, read %+v, %v", want, got, err)
	}
	if fmt.Sprint(asked) != "[https://door.acme.example/calls/.well-known/openid-configuration https://door.acme.example/calls/jwks.json]" {
		t.Errorf("keys were looked for at %v", asked)
	}
}

func TestAnAssertionIsForOneToolItsArgumentsAndItsMinute(t *testing.T) {
	signer, asked := newSigner(t), []string{}
	v, err := Verifier(door, "pull_report", publishing(t, signer.Public(), &asked))
	if err != nil {
		t.Fatal(err)
	}
	assert := func(s identity.Signer, at string, change func(*identity.Call)) string {
		c := call
		change(&c)
		raw, err := Asserter(s, at, time.Minute)(ctx, c, noon)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	same := func(*identity.Call) {}
	delegation, err := identity.Mint(ctx, signer, identity.Delegation{Issuer: door + Path, User: call.User, Lane: call.Lane, Execution: "ex-1", Purpose: "p", Audience: "pull_report", Deadline: noon.Add(time.Minute)}, noon)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		raw       string
		arguments [32]byte
		at        time.Time
	}{
		"another tool's":            {assert(signer, door, func(c *identity.Call) { c.Tool = "close_account" }), call.Arguments, noon},
		"other arguments":           {assert(signer, door, same), [32]byte{8}, noon},
		"too late":                  {assert(signer, door, same), call.Arguments, noon.Add(91 * time.Second)},
		"too early":                 {assert(signer, door, same), call.Arguments, noon.Add(-31 * time.Second)},
		"another key's":             {assert(newSigner(t), door, same), call.Arguments, noon},
		"another front door's":      {assert(signer, "https://else.example", same), call.Arguments, noon},
		"a delegation by this key":  {delegation, call.Arguments, noon},
		"an issuer that is claimed": {assert(newSigner(t), "https://else.example", func(c *identity.Call) { c.Issuer = door + Path }), call.Arguments, noon},
	} {
		if got, err := v.VerifyCall(ctx, c.raw, "pull_report", c.arguments, c.at); !errors.Is(err, identity.ErrUntrusted) {
			t.Errorf("%s: the tool believes %+v, %v", name, got, err)
		}
	}
	for _, life := range []time.Duration{0, 61 * time.Second} {
		if raw, err := Asserter(signer, door, life)(ctx, call, noon); err == nil {
			t.Errorf("an assertion for %v: %s", life, raw)
		}
	}
}

func TestWithoutAToolADoorOrAWayToFetchThereIsNoVerifier(t *testing.T) {
	fetch := func(context.Context, string) ([]byte, error) { return nil, nil }
	for name, try := range map[string]func() (*identity.Verifier, error){
		"no tool":         func() (*identity.Verifier, error) { return Verifier(door, "", fetch) },
		"no door":         func() (*identity.Verifier, error) { return Verifier("", "pull_report", fetch) },
		"no way to fetch": func() (*identity.Verifier, error) { return Verifier(door, "pull_report", nil) },
	} {
		if v, err := try(); err == nil || v != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
