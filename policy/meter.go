package policy

import (
	"fmt"
	"strings"
	"time"
)

// Meter is what the meter of one environment decides by: which log group it reads, where days
// begin, and the lanes that use models directly. The zero Meter meters nothing.
type Meter struct {
	Format int       `json:"format"`
	Group  string    `json:"group"` // to which the account's own logging of invocations writes
	Day    string    `json:"day"`   // IANA time zone
	Lanes  []Metered `json:"lanes"`
}

// Metered is one lane that uses models directly. Role is the one as which it does.
type Metered struct {
	Role      string           `json:"role"` // ARN
	Models    Models           `json:"models"`
	Overshoot map[string]int64 `json:"overshoot"` // by limit: what may be used beyond it
}

// LoadMeter reads what a meter decides by, strictly. It fails with [ErrBundle] for unknown
// keys, another format, a lane whose role or models are not said, and one that is named twice.
func LoadMeter(text []byte) (Meter, error) {
	var m Meter
	if err := strictlyUpTo(MaxBundle, text, &m); err != nil {
		return Meter{}, err
	}
	_, err := time.LoadLocation(m.Day)
	switch {
	case m.Format != Format:
		return Meter{}, fmt.Errorf("%w: format %d, and this build reads %d", ErrBundle, m.Format, Format)
	case m.Group == "" || len(m.Lanes) == 0:
		return Meter{}, fmt.Errorf("%w: it names no log group or no lane", ErrBundle)
	case err != nil || m.Day == "" || m.Day == "Local":
		return Meter{}, fmt.Errorf("%w: day: %q is no time zone", ErrBundle, m.Day)
	}
	seen := map[string]bool{}
	for _, l := range m.Lanes {
		if err := l.check(); err != nil {
			return Meter{}, err
		}
		if seen[l.Role] {
			return Meter{}, fmt.Errorf("%w: two lanes have the role %s", ErrBundle, l.Role)
		}
		seen[l.Role] = true
	}
	return m, nil
}

func (l Metered) check() error {
	if part := strings.Split(l.Role, ":"); len(part) != 6 || part[2] != "iam" || !strings.HasPrefix(part[5], "role/") {
		return fmt.Errorf("%w: a metered lane has a role, and %q is none", ErrBundle, l.Role)
	}
	return l.Models.check()
}

// Is reports whether a caller, as STS names the sessions of a role, is this lane's. Role names
// are unique in an account whatever their path, which is not in a session's ARN.
func (l Metered) Is(session string) bool {
	role, caller := strings.Split(l.Role, ":"), strings.Split(session, ":")
	if len(role) != 6 || len(caller) != 6 {
		return false
	}
	who := strings.Split(caller[5], "/")
	return caller[0] == role[0] && caller[1] == role[1] && caller[2] == "sts" && caller[4] == role[4] &&
		len(who) == 3 && who[0] == "assumed-role" && who[1] == role[5][strings.LastIndex(role[5], "/")+1:]
}

// PriceOf is the price of a model by the name under which it was invoked: its id, an inference
// profile that routes to it, or the ARN of either. What is not declared has the dearest price
// that is, of each kind.
func (m Models) PriceOf(invoked string) (price Price, declared bool) {
	id := invoked[strings.LastIndex(invoked, "/")+1:]
	if price, declared = m.Prices[id]; declared {
		return price, true
	}
	if _, routed, profile := strings.Cut(id, "."); profile {
		if price, declared = m.Prices[routed]; declared {
			return price, true
		}
	}
	for _, p := range m.Prices {
		price = Price{max(price.Input, p.Input), max(price.Output, p.Output), max(price.CacheRead, p.CacheRead), max(price.CacheWrite, p.CacheWrite)}
	}
	return price, false
}
