// Package registry is where an environment's lanes and its front door make themselves known:
// one path of the parameter store. It knows their form and believes none that would send a
// token anywhere but to a gateway of AgentCore. Start with [Registry.Lanes].
package registry

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"remit/lambdas/environ"
	"remit/policy"
)

// Registry reads what registered below Path: lanes below lanes/, and the front door's URL,
// which is known only after the function that serves it. All fields are required.
type Registry struct {
	Client ssm.GetParametersByPathAPIClient
	Path   string // ends with a slash
	Region string // where the gateways are

	mu    sync.Mutex
	lanes []policy.Registration
	read  time.Time
}

// fresh is how long a reading serves. A new share or version waits that long at most;
// stopping a lane does not wait for it, because the ledger keeps switches.
const fresh = 15 * time.Second

// Lanes answers every lane that registered. One that cannot be read or believed is left out,
// and said.
func (r *Registry) Lanes(ctx context.Context) ([]policy.Registration, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.read) < fresh {
		return r.lanes, nil
	}
	found, err := r.below(ctx, r.Path+"lanes/")
	if err != nil {
		return nil, err
	}
	r.lanes, r.read = nil, time.Now()
	for name, text := range found {
		lane, err := r.lane(text)
		if err != nil {
			environ.Note("registry", name+" is no lane: "+err.Error())
			continue
		}
		r.lanes = append(r.lanes, lane)
	}
	return r.lanes, nil
}

func (r *Registry) lane(text string) (policy.Registration, error) {
	lane, err := policy.LoadRegistration([]byte(text))
	if err == nil && !IsGateway(lane.Gateway, r.Region) {
		return policy.Registration{}, errors.New("its gateway is none of AgentCore's in " + r.Region + ", and tokens would go there")
	}
	return lane, err
}

// gateway is the address of any gateway of AgentCore but for its region (AgentCore developer
// guide, gateway limits: {id}.gateway.bedrock-agentcore.{region}.amazonaws.com/mcp).
var gateway = regexp.MustCompile(`^https://[0-9A-Za-z-]+\.gateway\.bedrock-agentcore\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?/mcp$`)

// IsGateway reports whether a URL is that of a gateway of AgentCore in a region. Whose
// gateway it is, only AWS knows: whoever may write the registry could still name one of
// another customer in the region, so nobody but the deployment may.
func IsGateway(url, region string) bool {
	found := gateway.FindStringSubmatch(url)
	return found != nil && found[1] == region
}

func (r *Registry) below(ctx context.Context, path string) (map[string]string, error) {
	recursive, out := true, map[string]string{}
	pages := ssm.NewGetParametersByPathPaginator(r.Client, &ssm.GetParametersByPathInput{Path: &path, Recursive: &recursive})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("parameters below %s: %w", path, err)
		}
		for _, p := range page.Parameters {
			out[*p.Name] = *p.Value
		}
	}
	return out, nil
}

// Door is the URL of the front door, which delegation tokens state as their issuer, without
// a slash at its end.
func (r *Registry) Door(ctx context.Context) (string, error) {
	found, err := r.below(ctx, r.Path+"door/")
	if err != nil {
		return "", err
	}
	issuer := strings.TrimSuffix(found[r.Path+"door/url"], "/")
	if issuer == "" {
		return "", errors.New("no URL is registered at " + r.Path + "door/url; the account's stack writes it")
	}
	return issuer, nil
}
