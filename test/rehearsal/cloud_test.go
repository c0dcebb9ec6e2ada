package rehearsal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"remit/attest"
	"remit/lambdas/hook"
	"remit/lambdas/signing"
	"remit/platform"
	"remit/test/absent"
)

const python = "../../.tools/python/bin/python"

// cloud is an embedded AWS behind a proxy that does what the emulator cannot: CloudFormation asks
// the hooks, which are the very handlers that ship, before it takes a template.
type cloud struct {
	url   string // what every client is told
	p     *platform.Platform
	clock func() time.Time

	mu    sync.Mutex
	hooks map[string]*hook.Hook // by the beginning of stacks' names
	asked []string              // what hooks answered, for the story
}

func startCloud(t *testing.T, p *platform.Platform) *cloud {
	t.Helper()
	if _, err := exec.LookPath(python); err != nil {
		absent.Skip(t, "no release was taken through the pipeline", "the embedded AWS is not installed; run tools/install npm python")
	}
	port := freePort(t)
	served := exec.Command(python, "../../emulator/serve.py", "--port", fmt.Sprint(port))
	out, err := served.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := served.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = served.Process.Kill(); _ = served.Wait() })
	ready := make([]byte, 256)
	if n, err := out.Read(ready); err != nil || !strings.HasPrefix(string(ready[:n]), "emulator: ready") {
		t.Fatalf("the embedded AWS says %q, %v", ready[:n], err)
	}
	c := &cloud{p: p, hooks: map[string]*hook.Hook{}, clock: time.Now}
	behind := &url.URL{Scheme: "http", Host: fmt.Sprintf("localhost:%d", port)}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind); r.Out.Host = r.In.Host }}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if why := c.refuses(r); why != "" {
			failed(w, why)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	c.url = strings.Replace(front.URL, "127.0.0.1", "localhost", 1)
	return c
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// config is for clients that speak for an account.
func (c *cloud) config(account string) aws.Config {
	return aws.Config{Region: "us-east-1", BaseEndpoint: &c.url, Credentials: credentials.NewStaticCredentialsProvider(account, "embedded", "")}
}

func (c *cloud) s3(account string) *s3.Client {
	return s3.NewFromConfig(c.config(account), func(o *s3.Options) { o.UsePathStyle = true })
}

// keys check with the keys that the pipeline's stack made. The emulator knows no key of another
// account, so hooks ask in the pipeline's.
func (c *cloud) keys() attest.Keys {
	site, out := c.p.SharedSite(platform.Pipeline), attest.Keys{}
	for _, signer := range []string{attest.Judge, attest.Gate, attest.Evaluator} {
		out[signer] = signing.Checked{Client: kms.NewFromConfig(c.config(string(site.Account))), ID: site.SignerAlias(signer)}
	}
	return out
}

// guard has CloudFormation ask, from now on, in the accounts that only the pipeline deploys to.
func (c *cloud) guard() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.p.Environments {
		for _, site := range c.p.Hooked(e) {
			signers := []string{attest.Judge}
			if len(e.Deploy.Approvers) > 0 {
				signers = append(signers, attest.Gate)
			}
			c.hooks[site.Named()+"-"] = &hook.Hook{
				Platform: c.p.Name, Environment: e.Name, Signers: signers, Apart: []string{site.BootstrapStack(), site.HookStack()},
				Bucket: site.AssetBucket(), Prefixes: []string{platform.StackAssets, platform.FenceAssets}, Keys: c.keys(),
				Objects: objects{c.s3(string(site.Account)), site.AssetBucket()}, Fetch: c.fetch(string(site.Account)), Now: func() time.Time { return c.clock() },
			}
		}
	}
}

// refuses asks the hook of the stack that a request creates or changes.
func (c *cloud) refuses(r *http.Request) string {
	if r.Method != http.MethodPost || !strings.Contains(r.Header.Get("Content-Type"), "x-www-form-urlencoded") {
		return ""
	}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	asked, err2 := url.ParseQuery(string(body))
	if err != nil || err2 != nil {
		return ""
	}
	switch asked.Get("Action") {
	case "CreateChangeSet", "CreateStack", "UpdateStack":
	default:
		return ""
	}
	name := asked.Get("StackName")
	c.mu.Lock()
	defer c.mu.Unlock()
	for prefix, h := range c.hooks {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		reply := h.Answer(r.Context(), event(name, asked))
		c.asked = append(c.asked, name+": "+reply.Message)
		if reply.HookStatus != "SUCCESS" {
			return reply.Message
		}
	}
	return ""
}

// event is CloudFormation's question, as documented; the payload's address is made up here and
// read again by fetch.
func event(stack string, asked url.Values) hook.Event {
	payload := url.Values{"body": {asked.Get("TemplateBody")}, "url": {asked.Get("TemplateURL")}}
	text, _ := json.Marshal(map[string]any{
		"clientRequestToken": "f8da6d11-b23f-48f4-814c-0fb6a667f50e", "stackId": "arn:aws:cloudformation:us-east-1:0:stack/" + stack + "/1a2345b6", "actionInvocationPoint": "UPDATE_PRE_PROVISION",
		"requestData": map[string]any{"targetName": "CHANGE_SET", "targetType": "CHANGE_SET", "targetLogicalId": stack, "payload": "https://payload.invalid/?" + payload.Encode()},
	})
	var e hook.Event
	_ = json.Unmarshal(text, &e)
	return e
}

var inBucket = regexp.MustCompile(`(remit-assets-[0-9]+-[a-z0-9-]+?)(?:\.s3[^/]*)?/(.+)$`)

// fetch is what CloudFormation's signed address would answer: the template, from the request or
// from the bucket.
func (c *cloud) fetch(account string) func(context.Context, string) ([]byte, error) {
	return func(ctx context.Context, address string) ([]byte, error) {
		at, err := url.Parse(address)
		if err != nil {
			return nil, err
		}
		template := at.Query().Get("body")
		if found := inBucket.FindStringSubmatch(at.Query().Get("url")); template == "" && found != nil {
			text, err := objects{c.s3(account), found[1]}.Read(ctx, found[2])
			if err != nil {
				return nil, err
			}
			template = string(text)
		}
		return json.Marshal(map[string]string{"template": template})
	}
}

// failed is an error as CloudFormation's query API answers it.
func failed(w http.ResponseWriter, why string) {
	var text bytes.Buffer
	_ = xml.EscapeText(&text, []byte(why))
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(http.StatusBadRequest)
	fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>%s</Message></Error></ErrorResponse>`, text.String())
}

// objects are those of a bucket.
type objects struct {
	client *s3.Client
	bucket string
}

func (o objects) Read(ctx context.Context, key string) ([]byte, error) {
	out, err := o.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &o.bucket, Key: &key})
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	return io.ReadAll(out.Body)
}

func (o objects) Digest(ctx context.Context, bucket, key string) (string, error) {
	content, err := objects{o.client, bucket}.Read(ctx, key)
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]), err
}
