package identity

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"
)

// keyring is the keys of one issuer, fetched when they are needed: a Lambda has no
// background. Whatever kids callers send, it fetches once per cooldown and remembers none
// of them: the cooldown is the negative cache. A remembered kid would cost memory and
// could hide a key that is published a moment later.
type keyring struct {
	source KeySource
	issuer string
	suite  suite

	mu      sync.Mutex
	keys    map[string]*key
	fetched time.Time     // when keys were last had
	tried   time.Time     // when they were last asked for
	failed  error         // why that failed
	flight  chan struct{} // closed when the fetch under way ends; nil when there is none
}

// fetchWithin bounds one refresh, whoever waits for it.
const fetchWithin = 3 * time.Second

func newKeyring(source KeySource, issuer string, s suite) (*keyring, error) {
	source.Cooldown = orDefault(source.Cooldown, 30*time.Second)
	source.Refresh = orDefault(source.Refresh, max(source.Cooldown, 5*time.Minute))
	source.Stale = orDefault(source.Stale, max(source.Refresh, time.Hour))
	if err := source.check(issuer); err != nil {
		return nil, err
	}
	r := &keyring{source: source, issuer: issuer, suite: s}
	if source.Fixed != nil {
		keys, err := readKeySet(source.Fixed, s)
		if err == nil && len(keys) == 0 {
			err = errors.New("fixed keys hold none that verifies")
		}
		r.keys = keys
		return r, err
	}
	return r, nil
}

// find is the issuer's key of this name. A known key answers at once while its set is
// fresh. Otherwise one caller fetches and the rest wait for it, unless a known key or the
// cooldown answers.
func (r *keyring) find(ctx context.Context, kid string, now time.Time) (*key, *Refusal) {
	r.mu.Lock()
	k := r.known(kid, now)
	if k != nil && (r.fresh(now) || r.flight != nil) || r.flight == nil && r.cooling(now) {
		defer r.mu.Unlock()
		return r.answer(k, now)
	}
	if r.flight == nil {
		r.flight, r.tried = make(chan struct{}), now
		go r.refresh(context.WithoutCancel(ctx), r.flight, now) // a caller who leaves must not spend the cooldown
	}
	flight := r.flight
	r.mu.Unlock()

	select {
	case <-flight:
	case <-ctx.Done():
		if k == nil {
			return nil, &Refusal{Reason: KeysUnavailable, Cause: ctx.Err()}
		}
		return k, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answer(r.known(kid, now), now)
}

func (r *keyring) answer(k *key, now time.Time) (*key, *Refusal) {
	switch {
	case k != nil:
		return k, nil
	case r.usable(now):
		return nil, refuse(UnknownKey)
	}
	return nil, &Refusal{Reason: KeysUnavailable, Cause: r.failed}
}

func (r *keyring) known(kid string, now time.Time) *key {
	if !r.usable(now) {
		return nil
	}
	return r.keys[kid]
}

func (r *keyring) usable(now time.Time) bool {
	return r.source.Fixed != nil || !r.fetched.IsZero() && within(r.fetched, now, r.source.Stale)
}

func (r *keyring) fresh(now time.Time) bool {
	return r.source.Fixed != nil || within(r.fetched, now, r.source.Refresh)
}

func (r *keyring) cooling(now time.Time) bool {
	return r.source.Fixed != nil || within(r.tried, now, r.source.Cooldown)
}

// within looks both ways: a clock that was set back must not stop fetching until it has
// caught up, nor make keys fresh for longer.
func within(then, now time.Time, d time.Duration) bool {
	return now.Sub(then).Abs() < d
}

// refresh replaces the keys with what the issuer publishes. A set without usable keys is
// an answer and withdraws all of them; no answer, or one that is not a key set, leaves
// them until they are stale.
func (r *keyring) refresh(ctx context.Context, flight chan struct{}, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, fetchWithin)
	defer cancel()
	keys, err := r.download(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed = err; err == nil {
		r.keys, r.fetched = keys, now
	}
	r.flight = nil
	close(flight)
}

func (r *keyring) download(ctx context.Context) (map[string]*key, error) {
	address := r.source.JWKS
	if address == "" {
		var err error
		if address, err = r.discover(ctx); err != nil {
			return nil, err
		}
	}
	data, err := r.source.Fetch(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("fetch keys: %w", err)
	}
	return readKeySet(data, r.suite)
}

// discover asks the issuer where its keys are (OpenID Connect Discovery 1.0 §4). The
// document must name the issuer it was asked for, and may not lead from https to http.
func (r *keyring) discover(ctx context.Context) (string, error) {
	at := r.source.address(r.issuer)
	data, err := r.source.Fetch(ctx, at)
	if err != nil {
		return "", fmt.Errorf("fetch discovery document: %w", err)
	}
	if len(data) > maxKeySet {
		return "", errors.New("discovery document is too large")
	}
	document, err := parseObject(data)
	if err != nil {
		return "", fmt.Errorf("discovery document is %w", err)
	}
	if document["issuer"] != r.issuer {
		return "", errors.New("discovery document names another issuer")
	}
	address, _ := document.text("jwks_uri")
	from, _ := url.Parse(at) // was looked at by KeySource.check
	to, err := url.Parse(address)
	if err != nil || to.Host == "" || to.Scheme != "https" && to.Scheme != from.Scheme {
		return "", errors.New("discovery document names no usable jwks_uri")
	}
	return address, nil
}
