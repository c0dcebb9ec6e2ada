package main

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"remit/attest"
	"remit/attest/attesttest"
	"remit/release"
)

// signersOf is where a story finds who signs in it.
type signersOf struct{}

// keysFor gives a story signers of its own, whose keys lie in keys/, and the keys of others of
// the same names in others/.
func keysFor(t *testing.T, dir string) map[string]attesttest.Signer {
	t.Helper()
	signers, _ := attesttest.Everybody(t)
	others, _ := attesttest.Everybody(t)
	for name, of := range map[string]map[string]attesttest.Signer{"keys": signers, "others": others} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		for signer, key := range of {
			if err := os.WriteFile(filepath.Join(dir, name, signer+".pem"), key.PEM(t), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return signers
}

// seal is a verb of stories: seal [-of RELEASE [-short]] [-until DURATION] INTO STATEMENT
// [NAME=]SIGNER... It signs what a file says of a release, as if the release that lies there had
// been judged an hour ago, with one subject less where it is short. NAME=SIGNER is a signer who
// signs in another's name.
func seal(ts *testscript.TestScript, neg bool, arguments []string) {
	if neg {
		ts.Fatalf("whatever is sealed is sealed")
	}
	flags := flag.NewFlagSet("seal", flag.ContinueOnError)
	of := flags.String("of", "", "")
	short := flags.Bool("short", false, "")
	until := flags.Duration("until", time.Hour, "")
	ts.Check(flags.Parse(arguments))
	var a attest.Attestation
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(flags.Arg(1))), &a))
	a.Made, a.Expires = time.Now().Add(-time.Hour).Truncate(time.Second), time.Now().Add(*until).Truncate(time.Second)
	if *of != "" {
		r, err := release.Read(os.DirFS(ts.MkAbs(*of)))
		ts.Check(err)
		p, err := r.Declaration(today())
		ts.Check(err)
		a.Release = r.Digest
		a.Subjects, err = r.Subjects(p, a.Environment)
		ts.Check(err)
		if *short {
			a.Subjects = a.Subjects[1:]
		}
	}
	sealed, err := signedBy(ts.Value(signersOf{}).(map[string]attesttest.Signer), a, flags.Args()[2:])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(flags.Arg(0)), sealed, 0o600))
}

func signedBy(signers map[string]attesttest.Signer, a attest.Attestation, names []string) ([]byte, error) {
	var sealed []byte
	for i, name := range names {
		in, by, other := strings.Cut(name, "=")
		if !other {
			by = in
		}
		var err error
		if i == 0 {
			sealed, err = attest.Seal(context.Background(), in, signers[by], a.Statement())
		} else {
			sealed, err = attest.Countersign(context.Background(), in, signers[by], sealed)
		}
		if err != nil {
			return nil, err
		}
	}
	return sealed, nil
}
