package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"remit/attest"
	"remit/identity"
	"remit/lambdas/gate"
	"remit/lambdas/signing"
	"remit/platform"
	"remit/shelf"
	"remit/shelf/bucket"
)

// pipelineSite is the account of a declaration's pipeline.
func pipelineSite(p *platform.Platform) (platform.Site, error) {
	site := p.SharedSite(platform.Pipeline)
	if p.Shared == nil || p.Shared.Pipeline == nil || site.Account == "" {
		return site, usage{p.Name + " declares no pipeline; declare shared.pipeline and shared.accounts.pipeline in its platform.yaml"}
	}
	return site, nil
}

// shelfOf is the shelf in the pipeline's account and the keys of who signs there; with --shelf
// and --keys a directory each on this machine.
func (c *command) shelfOf(ctx context.Context, p *platform.Platform) (shelf.Shelf, attest.Keys, error) {
	if c.shelf != "" {
		keys, err := keysIn(c.keys)
		return shelf.Shelf{Store: shelf.Dir(c.shelf)}, keys, err
	}
	site, err := pipelineSite(p)
	if err != nil {
		return shelf.Shelf{}, nil, err
	}
	own, err := credentialsOf(ctx, site)
	if err != nil {
		return shelf.Shelf{}, nil, err
	}
	keys, client := attest.Keys{}, kms.NewFromConfig(own)
	for _, signer := range []string{attest.Judge, attest.Gate, attest.Evaluator} {
		keys[signer] = signing.Checked{Client: client, ID: site.SignerAlias(signer)}
	}
	return shelf.Shelf{Store: bucket.Store{Client: objects(own), Name: site.ShelfBucket(), Owner: string(site.Account)}}, keys, nil
}

// objects is a client of S3 that names buckets in paths, as every endpoint understands.
func objects(own aws.Config) *s3.Client {
	return s3.NewFromConfig(own, func(o *s3.Options) { o.UsePathStyle = own.BaseEndpoint != nil })
}

// keysIn reads NAME.pem of each signer from a directory; whose is not there has none.
func keysIn(dir string) (attest.Keys, error) {
	if dir == "" {
		return nil, usage{"--keys is missing: a directory with judge.pem, gate.pem and evaluator.pem, as aws kms get-public-key prints them"}
	}
	out := attest.Keys{}
	for _, signer := range []string{attest.Judge, attest.Gate, attest.Evaluator} {
		text, err := os.ReadFile(filepath.Join(dir, signer+".pem"))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		key, err := attest.PEM(text)
		if err != nil {
			return nil, fmt.Errorf("%s.pem: %w", signer, err)
		}
		out[signer] = key
	}
	return out, nil
}

// signerOf is a key in the pipeline's account to sign with.
func signerOf(ctx context.Context, p *platform.Platform, signer string) (attest.Signer, error) {
	site, err := pipelineSite(p)
	if err != nil {
		return nil, err
	}
	own, err := credentialsOf(ctx, site)
	if err != nil {
		return nil, err
	}
	return signing.New(ctx, kms.NewFromConfig(own), site.SignerAlias(signer), identity.ES256)
}

// lay puts one object into an account's asset bucket, as the role that publishes there.
func lay(ctx context.Context, site platform.Site, role, key string, content []byte) error {
	own, err := credentialsOf(ctx, site)
	if err != nil {
		return err
	}
	publisher := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(own), site.BootstrapRole(role), func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = "remit-publish" })
	own.Credentials = aws.NewCredentialsCache(publisher)
	_, err = objects(own).PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(site.AssetBucket()), Key: &key, Body: bytes.NewReader(content), ExpectedBucketOwner: aws.String(string(site.Account))})
	return err
}

func readStrictly(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return usage{fmt.Sprintf("there is no result at %s: %v", path, err)}
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("%s: something follows the result", path)
	}
	return nil
}

// gateOf is the gate's function, as people come to it, after ENVIRONMENT and RUN.
func (c *command) gateOf(ctx context.Context, arguments []string) (desk, gate.Asked, error) {
	if len(arguments) < 2 {
		return desk{}, gate.Asked{}, usage{"which environment, and which run of the pipeline?"}
	}
	p, err := declaration(arguments[2:])
	if err != nil {
		return desk{}, gate.Asked{}, err
	}
	site, err := pipelineSite(p)
	if err != nil {
		return desk{}, gate.Asked{}, err
	}
	d, err := deskAt(ctx, site, site.Role(platform.Pipeline, "approver"), platform.GateURL(site), "the gate of "+p.Name)
	return d, gate.Asked{Environment: arguments[0], Execution: arguments[1], Class: c.class, Why: c.reason}, err
}

func (c *command) askGate(verb string, arguments []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	d, asked, err := c.gateOf(ctx, arguments)
	if err != nil {
		return err
	}
	var stands gate.Stands
	if err := d.ask(ctx, verb, asked, &stands); err != nil {
		return err
	}
	return c.print(stands, standsText(stands))
}

func showRelease(c *command, arguments []string) error { return c.askGate("show", arguments) }

func approveRelease(c *command, arguments []string) error {
	if c.class == "" {
		return usage{"--as is missing: the class of approvers that you agree for"}
	}
	return c.askGate("approve", arguments)
}

func rejectRelease(c *command, arguments []string) error {
	if c.reason == "" {
		return usage{"--why is missing: the reason, for the record"}
	}
	return c.askGate("reject", arguments)
}

// standsText is how a release stands before the gate, for people.
func standsText(s gate.Stands) string {
	var out strings.Builder
	out.WriteString(saidOf(s.Attestation))
	for _, a := range s.Agreed {
		fmt.Fprintf(&out, "  %-12s %s, for %s, at %s\n", "agreed", a.Person, a.Class, a.At.UTC().Format(time.RFC3339))
	}
	switch {
	case s.Refused != "":
		fmt.Fprintf(&out, "refused: %s\n", s.Refused)
	case s.Open:
		out.WriteString("the gate is open\n")
	default:
		out.WriteString("it waits for " + waiting(s.Waits) + "\n")
	}
	return out.String()
}

func waiting(waits map[string][]string) string {
	var out []string
	for class, people := range waits {
		if class == "" {
			class = "one of all approvers"
		}
		out = append(out, class+" ("+strings.Join(people, ", ")+")")
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}
