package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"remit/attest"
)

func TestAnAttestationExitsWithWhatWasFound(t *testing.T) {
	dir := t.TempDir()
	signers := keysFor(t, dir)
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, until := range map[string]time.Duration{"good.json": time.Hour, "expired.json": -time.Second} {
		a := attest.Attestation{Platform: "acme", Environment: "prod", Made: time.Now().Add(-time.Hour), Expires: time.Now().Add(until)}
		sealed, err := signedBy(signers, a, []string{attest.Judge})
		if err == nil {
			err = os.WriteFile(at(name), sealed, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		arguments []string
		want      int
	}{
		"good":               {[]string{"--attestation", at("good.json"), "--keys", at("keys")}, clean},
		"good, as JSON":      {[]string{"--json", "--attestation", at("good.json"), "--keys", at("keys")}, clean},
		"expired":            {[]string{"--attestation", at("expired.json"), "--keys", at("keys")}, findings},
		"signed by others":   {[]string{"--attestation", at("good.json"), "--keys", at("others")}, findings},
		"no release":         {[]string{"--attestation", at("good.json"), "--keys", at("keys"), dir}, findings},
		"no keys":            {[]string{"--attestation", at("good.json")}, misuse},
		"no file":            {[]string{"--attestation", at("none.json"), "--keys", at("keys")}, misuse},
		"a directory":        {[]string{"--attestation", dir, "--keys", at("keys")}, misuse},
		"no directory":       {[]string{"--attestation", at("good.json"), "--keys", at("keys"), at("nowhere")}, misuse},
		"more than it takes": {[]string{"--attestation", at("good.json"), "--keys", at("keys"), dir, dir}, misuse},
	} {
		var out, said bytes.Buffer
		if got := run(append([]string{"verify"}, c.arguments...), &out, &said); got != c.want {
			t.Errorf("%s exits with %d, not %d: %s%s", name, got, c.want, &out, &said)
		}
	}
}
