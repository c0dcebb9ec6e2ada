package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"remit/iam"
	"remit/lambdas/operate"
	"remit/platform"
)

// desk is a function that people call, such as an environment's operating function, and whose
// signature requests to it bear.
type desk struct {
	url    string
	config aws.Config
	says   string // what it is called in messages
}

// signInAt takes one of the two roles of people, unless the caller has it already, and finds
// where the function is.
func signInAt(ctx context.Context, e platform.Environment, site platform.Site, breakGlass bool) (desk, error) {
	if e.Operations == nil {
		return desk{}, errNoOperations(e)
	}
	role := site.Role("operator")
	if breakGlass {
		role = site.Role("breakglass")
	}
	return deskAt(ctx, site, role, platform.OperateURL(site), "the operating function of "+e.Name)
}

// deskAt takes a role of people and finds the function that is registered under a parameter.
func deskAt(ctx context.Context, site platform.Site, role, parameter, says string) (desk, error) {
	config, err := personIn(ctx, site, role)
	if err != nil {
		return desk{}, err
	}
	found, err := ssm.NewFromConfig(config).GetParameter(ctx, &ssm.GetParameterInput{Name: &parameter})
	if err != nil {
		return desk{}, fmt.Errorf("where is %s? is it deployed? %w", says, err)
	}
	at, err := url.Parse(aws.ToString(found.Parameter.Value))
	if err != nil || at.Host == "" || at.Scheme != "https" && at.Hostname() != "127.0.0.1" {
		return desk{}, fmt.Errorf("%s is registered at %q, which is no address", says, aws.ToString(found.Parameter.Value))
	}
	return desk{strings.TrimSuffix(at.String(), "/"), config, says}, nil
}

// personIn is the caller in a role of people. Its trust admits nobody under another name than
// the one they come with, so that is the session's name.
func personIn(ctx context.Context, site platform.Site, role string) (aws.Config, error) {
	own, err := credentialsOf(ctx, site)
	if err != nil {
		return aws.Config{}, err
	}
	who, err := sts.NewFromConfig(own).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return aws.Config{}, fmt.Errorf("AWS credentials: %w", err)
	}
	kind, rest, _ := strings.Cut(iam.ARN(aws.ToString(who.Arn)).Part(5), "/")
	has, person, _ := strings.Cut(rest, "/")
	if kind != "assumed-role" || person == "" {
		return aws.Config{}, fmt.Errorf("these credentials are of %s, which is no person's session of a role; sign in as yourself", aws.ToString(who.Arn))
	}
	if has == iam.ARN(role).Name() && aws.ToString(who.Account) == string(site.Account) {
		return own, nil
	}
	taken, err := sts.NewFromConfig(own).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: &person})
	if err != nil {
		return aws.Config{}, fmt.Errorf("does the declaration name you, %s in %s? %w", person, has, err)
	}
	c := taken.Credentials
	own.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}, nil
	})
	return own, nil
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// ask sends one question, signed, and reads the answer. What was refused is an error that says
// why, as far as the function says it.
func (d desk) ask(ctx context.Context, verb string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url+"/"+verb, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if err := d.sign(ctx, r, body); err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r) //nolint:gosec // G704: the address is the account's own parameter's, over https, and deskAt has looked at it
	if err != nil {
		return fmt.Errorf("%s does not answer: %w", d.says, err)
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("the answer of %s was cut: %w", d.says, err)
	}
	if response.StatusCode != http.StatusOK {
		return d.refusedBy(response.StatusCode, text)
	}
	return json.Unmarshal(text, answer)
}

// sign states who asks (AWS Signature Version 4, for the service that function URLs are of).
func (d desk) sign(ctx context.Context, r *http.Request, body []byte) error {
	who, err := d.config.Credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("AWS credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	r.Header.Set("Content-Type", "application/json")
	return v4.NewSigner().SignHTTP(ctx, who, r, hex.EncodeToString(sum[:]), "lambda", d.config.Region, time.Now())
}

func (d desk) refusedBy(status int, text []byte) error {
	var said operate.Failure
	if err := json.Unmarshal(text, &said); err != nil || said.Error == "" {
		return fmt.Errorf("refused with status %d, before %s: do these credentials still hold?", status, d.says)
	}
	if said.Reference == "" {
		return fmt.Errorf("refused: %s", said.Error)
	}
	return fmt.Errorf("refused: %s (reference %s)", said.Error, said.Reference)
}
