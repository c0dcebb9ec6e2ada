package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"remit/lambdas/environ"
	"remit/policy"
)

// registry reads what registered below one path of the parameter store: lanes below
// lanes/, and our own URL, which is known only after the function that serves it.
type registry struct {
	client *ssm.Client
	path   string // ends with a slash

	mu    sync.Mutex
	lanes []policy.Registration
	read  time.Time
}

// fresh is how long a reading serves. A new share or version waits that long at most;
// stopping a lane does not wait for it, because the ledger keeps switches.
const fresh = 15 * time.Second

// Lanes answers every lane that registered. One that cannot be read is left out, and said.
func (r *registry) Lanes(ctx context.Context) ([]policy.Registration, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.read) < fresh {
		return r.lanes, nil
	}
	found, err := r.below(ctx, r.path+"lanes/")
	if err != nil {
		return nil, err
	}
	r.lanes, r.read = nil, time.Now()
	for name, text := range found {
		lane, err := policy.LoadRegistration([]byte(text))
		if err != nil {
			environ.Note("registry", name+" is no lane: "+err.Error())
			continue
		}
		r.lanes = append(r.lanes, lane)
	}
	return r.lanes, nil
}

func (r *registry) below(ctx context.Context, path string) (map[string]string, error) {
	recursive, out := true, map[string]string{}
	pages := ssm.NewGetParametersByPathPaginator(r.client, &ssm.GetParametersByPathInput{Path: &path, Recursive: &recursive})
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

// issuer is the URL under which this function is served, without a slash at its end.
func (r *registry) issuer(ctx context.Context) (string, error) {
	found, err := r.below(ctx, r.path+"door/")
	if err != nil {
		return "", err
	}
	issuer := strings.TrimSuffix(found[r.path+"door/url"], "/")
	if issuer == "" {
		return "", errors.New("no URL is registered at " + r.path + "door/url; the account's stack writes it")
	}
	return issuer, nil
}
