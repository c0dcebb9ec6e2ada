package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"time"

	"remit/terms"
)

// Entrance is what the front door of one environment decides by: how the company's own
// tokens name a user, which applications may knock, and what a day may cost. It holds no
// lane: lanes register themselves. The zero Entrance admits nobody.
type Entrance struct {
	Format       int            `json:"format"`
	Platform     string         `json:"platform"`
	Environment  string         `json:"environment"`
	Day          string         `json:"day"` // IANA time zone
	Login        Login          `json:"login"`
	Applications []string       `json:"applications"` // OAuth clients that may open executions
	UserDay      terms.MicroUSD `json:"user_day"`
	TenantDay    terms.MicroUSD `json:"tenant_day"`
	Approvals    *Approvals     `json:"approvals,omitempty"` // nil: nothing waits for users here
}

// Approvals is the login with which users decide on what waits for them.
type Approvals struct {
	Audience string `json:"audience"` // whom their tokens address; not the entry's
	Client   string `json:"client,omitempty"`
	Scope    string `json:"scope,omitempty"`
}

// Login is the company's identity provider and what its claims mean.
type Login struct {
	Issuer   string            `json:"issuer"`
	Audience string            `json:"audience"`
	User     string            `json:"user"`
	Tenant   string            `json:"tenant"`
	Roles    string            `json:"roles"`
	Map      map[string]string `json:"map"` // the issuer's word → user role
}

// Registration is what a lane tells the front door: where it is, who may use it for what,
// and what one execution of it may take. The zero Registration admits nobody.
type Registration struct {
	Lane     terms.Lane       `json:"lane"`
	Runtime  string           `json:"runtime"`          // ARN
	Endpoint string           `json:"endpoint"`         // the runtime's named endpoint
	Gateway  string           `json:"gateway"`          // URL
	Models   string           `json:"models,omitempty"` // URL of the lane's broker; empty: it uses models directly
	Share    int              `json:"share"`            // percent of users; 0 serves the rest
	Callers  []string         `json:"callers"`          // user roles, with those above included
	Purposes []string         `json:"purposes"`
	Seconds  int64            `json:"seconds"`        // wall clock of one execution
	Caps     map[string]int64 `json:"caps"`           // limits of one execution, in their own units
	Hour     terms.MicroUSD   `json:"hour"`           // of running time, which the cap of cost covers
	Late     int64            `json:"late,omitempty"` // seconds after which what it used is known at the latest; 0: at once
	Memory   *Remembering     `json:"memory,omitempty"`
	Version  Version          `json:"version"`
}

// Remembering says how the front door vends credentials for the lane's memory. Agents with
// memory of their own need none and have no Remembering.
type Remembering struct {
	Role  string `json:"role"`
	Table string `json:"table"`
	Scope string `json:"scope"` // tenant or user
}

// Version is what a lane runs: its four digests.
type Version struct {
	Code       terms.Digest `json:"code"`
	Prompts    terms.Digest `json:"prompts"`
	Models     terms.Digest `json:"models"`
	Parameters terms.Digest `json:"parameters"`
}

// Short tells versions apart in what is counted and shown: twelve digits for the four digests,
// "" for no version.
func (v Version) Short() string {
	if v == (Version{}) {
		return ""
	}
	sum := sha256.Sum256([]byte(v.Code + "\n" + v.Prompts + "\n" + v.Models + "\n" + v.Parameters))
	return hex.EncodeToString(sum[:6])
}

// MaxDoor is the largest entrance or registration that is read, in bytes: the size of an
// advanced SSM parameter.
const MaxDoor = 8 << 10

// LoadEntrance reads an entrance strictly. It fails with [ErrBundle] for unknown keys,
// another format, or a part without which somebody would be admitted unchecked.
func LoadEntrance(text []byte) (Entrance, error) {
	var e Entrance
	if err := strictly(text, &e); err != nil {
		return Entrance{}, err
	}
	_, err := time.LoadLocation(e.Day)
	switch {
	case e.Format != Format:
		return Entrance{}, fmt.Errorf("%w: format %d, and this build reads %d", ErrBundle, e.Format, Format)
	case e.Platform == "" || e.Environment == "":
		return Entrance{}, fmt.Errorf("%w: it names no environment", ErrBundle)
	case err != nil || e.Day == "" || e.Day == "Local":
		return Entrance{}, fmt.Errorf("%w: day: %q is no time zone", ErrBundle, e.Day)
	case e.Login.Issuer == "" || e.Login.Audience == "" || len(e.Applications) == 0:
		return Entrance{}, fmt.Errorf("%w: it names no issuer, audience or application", ErrBundle)
	case e.Approvals != nil && (e.Approvals.Audience == "" || e.Approvals.Audience == e.Login.Audience):
		return Entrance{}, fmt.Errorf("%w: approvals have no audience of their own", ErrBundle)
	}
	return e, nil
}

// LoadRegistration reads what a lane registered. It fails with [ErrBundle] for unknown keys
// and for a lane, address, lifetime or cap that is missing.
func LoadRegistration(text []byte) (Registration, error) {
	var r Registration
	if err := strictly(text, &r); err != nil {
		return Registration{}, err
	}
	if r.Lane.IsZero() || r.Runtime == "" || r.Endpoint == "" || r.Gateway == "" || r.Seconds <= 0 || r.Late < 0 || len(r.Caps) == 0 || r.Share < 0 || r.Share > 100 {
		return Registration{}, fmt.Errorf("%w: a lane registers with its name, addresses, lifetime and caps", ErrBundle)
	}
	return r, nil
}

func strictly(text []byte, into any) error { return strictlyUpTo(MaxDoor, text, into) }

func strictlyUpTo(most int, text []byte, into any) error {
	if len(text) > most {
		return fmt.Errorf("%w: %d bytes, at most %d are read", ErrBundle, len(text), most)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", ErrBundle, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: bytes after its end", ErrBundle)
	}
	return nil
}

// Admits says why the user may not use the lane for the purpose, "" when they may.
func (r Registration) Admits(user terms.User, purpose string) string {
	switch {
	case user.ID == "" || user.Tenant == "":
		return "the user has no tenant"
	case !setOf(r.Callers).any(user.Roles):
		return "no role of the user may use the agent"
	case purpose == "" || !slices.Contains(r.Purposes, purpose):
		return "the agent is not for this purpose"
	}
	return ""
}

// Choose picks the lane of an agent that serves a user: by a stable hash, so that a user
// stays with one version while shares stay. It does not depend on the order of lanes.
func Choose(lanes []Registration, agent, user string) (Registration, bool) {
	lanes = slices.DeleteFunc(slices.Clone(lanes), func(r Registration) bool { return r.Lane.Agent != agent })
	slices.SortFunc(lanes, func(a, b Registration) int { return bytes.Compare([]byte(a.Lane.Name), []byte(b.Lane.Name)) })
	at := percentile(agent, user)
	for _, r := range lanes {
		if r.Share == 0 {
			continue
		}
		if at -= r.Share; at < 0 {
			return r, true
		}
	}
	rest := slices.IndexFunc(lanes, func(r Registration) bool { return r.Share == 0 })
	if rest < 0 {
		return Registration{}, false
	}
	return lanes[rest], true
}

// percentile is a user's place, 0 to 99, among an agent's users.
func percentile(agent, user string) int {
	hash := fnv.New32a()
	_, _ = io.WriteString(hash, agent+"\x00"+user) // a hash never fails
	return int(hash.Sum32() % 100)
}

// Reached is how one reach tool is served: the role to take in the resource account, and
// the table or the API there.
type Reached struct {
	Role       string   `json:"role"`
	ExternalID string   `json:"external_id"`
	Region     string   `json:"region"`
	Table      string   `json:"table,omitempty"`
	Actions    []string `json:"actions,omitempty"`
	Attributes []string `json:"attributes,omitempty"`
	Reply      string   `json:"reply,omitempty"` // the member of the reply that lists a table's items
	API        string   `json:"api,omitempty"`
	Stage      string   `json:"stage,omitempty"`
	Operations []string `json:"operations,omitempty"`
}
