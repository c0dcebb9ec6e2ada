package entry

import (
	"context"
	"crypto/rand"
	"net/http"
	"time"

	"remit/identity"
	"remit/lambdas/session"
	"remit/policy"
	"remit/terms"
)

// Vendor gives out short credentials of a lane's memory role, tagged with the verified
// user's tenant and id, that stop working at the deadline.
type Vendor interface {
	Vend(context.Context, Recall) (Credentials, error)
}

// Recall is whose memory an execution may use, and until when.
type Recall struct {
	Memory    policy.Remembering
	User      terms.User
	Execution terms.ExecutionID
	Until     time.Time
	Tags      map[string]string // of the session, by which the memory role is pinned
	Prefix    string            // what the keys of that memory begin with
}

// Credentials are AWS credentials as SDKs read them from a container endpoint (AWS SDKs and
// Tools Reference Guide, feature-container-credentials).
type Credentials struct {
	AccessKeyID     string    `json:"AccessKeyId"`
	SecretAccessKey string    `json:"SecretAccessKey"`
	Token           string    `json:"Token"`
	Expiration      time.Time `json:"Expiration"`
	Prefix          string    `json:"Prefix"` // no part of an SDK's form: what keys must begin with
}

// memory vends credentials to the agent of an open execution: the one case in which the
// front door answers an agent. The token says who; the ledger says whether still.
func (e *Entry) memory(w http.ResponseWriter, r *http.Request) {
	reference := rand.Text()[:16]
	recall, why, err := e.recall(r)
	if why != "" {
		err = e.refuse(reference, why)
	}
	if err != nil {
		e.Deny(w, reference, err)
		return
	}
	credentials, err := e.Vendor.Vend(r.Context(), recall)
	if err != nil {
		e.Deny(w, reference, err)
		return
	}
	credentials.Prefix = recall.Prefix
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, credentials)
}

// recall is whose memory the agent may use, or says why none.
func (e *Entry) recall(r *http.Request) (_ Recall, why string, err error) {
	if !e.complete() || e.Agents == nil || e.Vendor == nil {
		return Recall{}, "no memory is vended here", nil
	}
	claims, lane, why, err := e.agent(r.Context(), identity.Bearer(r), terms.Lane.String)
	if err != nil || why != "" {
		return Recall{}, why, err
	}
	x, err := e.Ledger.Execution(r.Context(), claims.Execution)
	switch {
	case err != nil:
		return Recall{}, "", err
	case !x.Open || !e.Now().Before(x.Deadline):
		return Recall{}, "the execution is not open", nil
	case string(claims.Execution) != r.PathValue("id") || x.Lane != claims.Lane || x.User.ID != claims.User.ID || x.User.Tenant != claims.User.Tenant:
		return Recall{}, "the token is for another execution", nil
	case lane.Memory == nil:
		return Recall{}, "the agent has no memory that is vended", nil
	}
	tags, prefix := pinned(*lane.Memory, claims.User)
	return Recall{Memory: *lane.Memory, User: claims.User, Execution: claims.Execution, Until: x.Deadline, Tags: tags, Prefix: prefix}, "", nil
}

// pinned is the tags of a user's session and the keys that the memory role then reaches: the
// role's own policy says TENANT#${aws:PrincipalTag/tenant}#, and so on.
func pinned(m policy.Remembering, u terms.User) (tags map[string]string, prefix string) {
	tags = map[string]string{"tenant": session.Tag(u.Tenant)}
	prefix = "TENANT#" + tags["tenant"] + "#"
	if m.Scope == "user" {
		tags["user"] = session.Tag(u.ID)
		prefix += "USER#" + tags["user"] + "#"
	}
	return tags, prefix
}

// agent finds the registered lane that a delegation token is for. Each lane is an audience of
// its own, so a token is tried with the audiences of registered lanes alone.
func (e *Entry) agent(ctx context.Context, token string, audience func(terms.Lane) string) (_ identity.Claims, _ policy.Registration, why string, err error) {
	lanes, err := e.Lanes.Lanes(ctx)
	if err != nil {
		return identity.Claims{}, policy.Registration{}, "", err
	}
	for _, lane := range lanes {
		if claims, err := e.Agents.Verify(ctx, token, audience(lane.Lane), e.Now()); err == nil && claims.Lane == lane.Lane {
			return claims, lane, "", nil
		}
	}
	return identity.Claims{}, policy.Registration{}, "the delegation token is not trusted", nil
}
