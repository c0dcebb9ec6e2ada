package entry

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"time"

	"remit/identity"
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
}

// Credentials are AWS credentials as SDKs read them from a container endpoint (AWS SDKs and
// Tools Reference Guide, feature-container-credentials).
type Credentials struct {
	AccessKeyID     string    `json:"AccessKeyId"`
	SecretAccessKey string    `json:"SecretAccessKey"`
	Token           string    `json:"Token"`
	Expiration      time.Time `json:"Expiration"`
}

// memory vends credentials to the agent of an open execution: the one case in which the
// front door answers an agent. The token says who; the ledger says whether still.
func (e *Entry) memory(w http.ResponseWriter, r *http.Request) {
	reference := rand.Text()[:16]
	recall, err := e.recall(r)
	if err != nil {
		e.Deny(w, reference, e.refuse(reference, err.Error()))
		return
	}
	credentials, err := e.Vendor.Vend(r.Context(), recall)
	if err != nil {
		e.Deny(w, reference, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, credentials)
}

func (e *Entry) recall(r *http.Request) (Recall, error) {
	if !e.complete() || e.Agents == nil || e.Vendor == nil {
		return Recall{}, errors.New("no memory is vended here")
	}
	claims, lane, err := e.agent(r.Context(), Bearer(r))
	if err != nil {
		return Recall{}, err
	}
	x, err := e.Ledger.Execution(r.Context(), claims.Execution)
	switch {
	case err != nil || !x.Open || !e.Now().Before(x.Deadline):
		return Recall{}, errors.New("the execution is not open")
	case string(claims.Execution) != r.PathValue("id") || x.Lane != claims.Lane || x.User.ID != claims.User.ID || x.User.Tenant != claims.User.Tenant:
		return Recall{}, errors.New("the token is for another execution")
	case lane.Memory == nil:
		return Recall{}, errors.New("the agent has no memory that is vended")
	}
	return Recall{Memory: *lane.Memory, User: claims.User, Execution: claims.Execution, Until: x.Deadline}, nil
}

// agent finds the registered lane that a delegation token is for. Each lane is its own
// audience, so a token is tried with the audiences of registered lanes alone.
func (e *Entry) agent(ctx context.Context, token string) (identity.Claims, policy.Registration, error) {
	lanes, err := e.Lanes.Lanes(ctx)
	if err != nil {
		return identity.Claims{}, policy.Registration{}, err
	}
	for _, lane := range lanes {
		if claims, err := e.Agents.Verify(ctx, token, lane.Lane.String(), e.Now()); err == nil && claims.Lane == lane.Lane {
			return claims, lane, nil
		}
	}
	return identity.Claims{}, policy.Registration{}, errors.New("the delegation token is not trusted")
}
