package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"remit/attest"
	"remit/release"
	"remit/terms"
)

// believed is what came of looking at an attestation. Nothing is told of one that is not believed.
type believed struct {
	File        string              `json:"file"`
	SignedBy    []string            `json:"signed_by"`
	Findings    []string            `json:"findings"`
	Release     string              `json:"release,omitempty"` // the directory that deploys what was attested
	Attestation *attest.Attestation `json:"attestation,omitempty"`
}

// proveAttestation checks a signed attestation offline: whose it is, whether it holds, and
// whether a release is what it speaks of.
func proveAttestation(c *command, arguments []string) error {
	if len(arguments) > 1 {
		return usage{"an attestation is of one release"}
	}
	keys, err := keysIn(c.keys)
	if err != nil {
		return err
	}
	sealed, err := envelopeAt(c.attestation)
	if err != nil {
		return err
	}
	found := believedBy(keys, c.attestation, sealed, time.Now())
	if found.Attestation != nil && len(arguments) == 1 {
		if err := found.of(arguments[0]); err != nil {
			return err
		}
	}
	if err := c.print(found, found.text()); err != nil {
		return err
	}
	if len(found.Findings) > 0 {
		return errFindings
	}
	return nil
}

func envelopeAt(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, usage{fmt.Sprintf("there is no attestation at %s: %v", path, err)}
	}
	defer func() { _ = f.Close() }() // it was only read
	sealed, err := io.ReadAll(io.LimitReader(f, attest.MaxEnvelope+1))
	if err != nil {
		return nil, usage{fmt.Sprintf("%s is no file with an attestation: %v", path, err)}
	}
	return sealed, nil
}

// believedBy opens an envelope that the judge has to have signed, and the gate where it is named.
func believedBy(keys attest.Keys, file string, sealed []byte, now time.Time) believed {
	out := believed{File: file, SignedBy: []string{}, Findings: []string{}}
	signers := []string{attest.Judge}
	if slices.Contains(attest.Signers(sealed), attest.Gate) {
		signers = append(signers, attest.Gate)
	}
	a, err := attest.Attested(context.Background(), sealed, keys, signers...)
	if err != nil {
		out.Findings = append(out.Findings, err.Error())
		return out
	}
	out.SignedBy, out.Attestation = signers, &a
	if err := a.For(a.Platform, a.Environment, now); err != nil {
		out.Findings = append(out.Findings, err.Error())
	}
	return out
}

// of holds a release against the attestation. Its declaration is read as of the day on which it
// was judged: what has expired since is no reason not to read it.
func (c *believed) of(dir string) error {
	if err := isRelease(dir); err != nil {
		return err
	}
	r, err := release.Read(os.DirFS(dir))
	if err == nil {
		err = deploys(r, *c.Attestation)
	}
	if err != nil {
		c.Findings = append(c.Findings, err.Error())
		return nil
	}
	c.Release = dir
	return nil
}

func deploys(r release.Release, a attest.Attestation) error {
	p, err := r.Declaration(terms.Date(a.Made.UTC().Format(time.DateOnly)))
	if err != nil {
		return err
	}
	return r.Attested(p, a)
}

func (c *believed) text() string {
	var out strings.Builder
	a := c.Attestation
	if a == nil {
		fmt.Fprintf(&out, "%s is not believed\n", c.File)
	} else {
		fmt.Fprintf(&out, "%s is signed by the %s\n%s", c.File, strings.Join(c.SignedBy, " and the "), saidOf(*a))
		fmt.Fprintf(&out, "  %-12s from %s to %s\n", "holds", a.Made.UTC().Format(time.RFC3339), a.Expires.UTC().Format(time.RFC3339))
		if len(a.Rules.Approvers) > 0 && !slices.Contains(c.SignedBy, attest.Gate) {
			fmt.Fprintf(&out, "  %-12s not yet: the gate has not signed it\n", "let in")
		}
	}
	if c.Release != "" {
		fmt.Fprintf(&out, "  %-12s to %s what was attested, and no more: %s\n", "deploys", a.Environment, count(len(a.Subjects), "subject"))
	}
	for _, why := range c.Findings {
		fmt.Fprintf(&out, "finding: %s\n", why)
	}
	return out.String()
}
