package platform

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"remit/anomaly"
	"remit/policy"
	"remit/terms"
)

// Entrance is what the environment's front door decides by.
func (p *Platform) Entrance(e Environment) policy.Entrance {
	claims := e.Identity.Claims
	out := policy.Entrance{
		Format: policy.Format, Platform: p.Name, Environment: e.Name, Day: string(e.Day),
		Login: policy.Login{
			Issuer: e.Identity.Issuer, Audience: e.Identity.Audience,
			User: claims.User, Tenant: claims.Tenant, Roles: claims.UserRoles.Claim, Map: claims.UserRoles.Map,
		},
		Applications: e.Identity.Entry,
		UserDay:      e.Limits.User.CostPerDay, TenantDay: e.Limits.Tenant.CostPerDay,
	}
	if a := e.Identity.Approvals; a != nil {
		out.Approvals = &policy.Approvals{Audience: a.Audience, Client: a.Client, Scope: a.Scope}
	}
	return out
}

// Watched is what traffic of an environment's lanes is compared by.
func (e Environment) Watched() anomaly.Declared {
	return anomaly.Declared{Weeks: e.Anomaly.Baseline.Days() / 7, AlertAbove: float64(e.Anomaly.AlertAbove) / 100, ThrottleAbove: float64(e.Anomaly.ThrottleAbove) / 100}
}

// Closings is which events close the items of the tools that lanes here have, in order of tool.
func (p *Platform) Closings(e Environment) []policy.Closing {
	var out []policy.Closing
	for _, lane := range p.Lanes(e) {
		for _, t := range lane.Tools {
			if t.Dedup == nil || t.Datum == nil {
				continue
			}
			out = append(out, policy.Closing{Tool: t.Name, Event: t.Dedup.Until.Event, Bus: t.Dedup.Until.Bus, ID: t.Dedup.Until.ID, Argument: t.Datum.ID, Directory: t.Datum.Directory})
		}
	}
	slices.SortFunc(out, func(a, b policy.Closing) int { return strings.Compare(a.Tool, b.Tool) })
	return slices.Compact(out)
}

// Registration is what the lane tells the front door. AgentCore names the runtime and the
// gateway, and Lambda the broker, only when they exist: their addresses are the caller's to
// fill in. A lane without a broker has models "".
func (p *Platform) Registration(lane Running, runtime, gateway, models string) policy.Registration {
	r := policy.Registration{
		Lane: lane.Term(), Runtime: runtime, Endpoint: lane.Endpoint(), Gateway: gateway, Models: models, Share: int(lane.Version.Share),
		Callers: p.RolesAbove(lane.Actor.Callers), Purposes: lane.Actor.Purposes,
		Seconds: int64(lane.WallClock() / time.Second), Caps: lane.Caps(), Hour: lane.Environment.Prices.Runtime, Late: int64(lane.overshoot().Delay.Duration() / time.Second),
		Version: policy.Version{Code: lane.Version.Code, Prompts: lane.Version.Prompts, Models: modelsDigest(lane.Actor), Parameters: lane.Version.Parameters},
	}
	if m := lane.Actor.Memory; m != nil && m.Scope != "agent" {
		r.Memory = &policy.Remembering{Role: lane.LaneSite.Role("memory"), Table: lane.MemoryTable(), Scope: m.Scope}
	}
	return r
}

// Meter is what the environment's meter decides by; it meters no lane where every one has a
// broker.
func (p *Platform) Meter(e Environment) policy.Meter {
	out := policy.Meter{Format: policy.Format, Day: string(e.Day)}
	if e.ModelLogs != nil {
		out.Group = e.ModelLogs.Group
	}
	for _, lane := range p.Lanes(e) {
		if lane.Metered() {
			over := lane.overshoot()
			out.Lanes = append(out.Lanes, policy.Metered{Role: lane.LaneSite.Role("execution"), Models: p.Models(lane), Overshoot: map[string]int64{policy.Tokens: over.Tokens, policy.ModelCost: int64(over.Cost)}})
		}
	}
	return out
}

// Models is what the lane's models cost, by which its broker or the meter decides.
func (p *Platform) Models(lane Running) policy.Models {
	out := policy.Models{Format: policy.Format, Lane: lane.Term(), Prices: map[string]policy.Price{}}
	for _, price := range lane.Environment.Prices.Models {
		if slices.Contains(lane.Actor.Models.IDs, price.Model) {
			out.Prices[price.Model] = policy.Price{Input: price.Input, Output: price.Output, CacheRead: orElse(price.CacheRead, price.Input), CacheWrite: orElse(price.CacheWrite, price.Input)}
		}
	}
	return out
}

// orElse: absent cache prices mean the input price.
func orElse(price, input terms.MicroUSD) terms.MicroUSD {
	if price == 0 {
		return input
	}
	return price
}

// Brokered reports whether the lane's models are reached through a broker.
func (r Running) Brokered() bool { return r.Actor.Models.Via == "broker" }

// Metered reports whether the lane uses models directly, so that the logs tell what it used.
func (r Running) Metered() bool { return r.Actor.Models.Via == "direct" }

// overshoot is what a metered lane may use before the logs have told; nothing for others.
func (r Running) overshoot() Overshoot {
	if over := r.limits().Overshoot; over != nil && r.Metered() {
		return *over
	}
	return Overshoot{}
}

// modelsDigest names the models an agent may use, the fourth digest of a version.
func modelsDigest(a Agent) terms.Digest {
	ids := slices.Sorted(slices.Values(append(slices.Clone(a.Models.IDs), a.Models.Profiles...)))
	return terms.Digest(fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(strings.Join(ids, "\n")))))
}

// Caps is what one execution of the lane may take. Its total cost is the most that its
// models, with what metering cannot prevent, its tool calls at the dearest price and its
// running time can come to.
func (r Running) Caps() map[string]int64 {
	limits := r.limits()
	runtime := hourly(r.Environment.Prices.Runtime, limits.WallClock.Duration())
	return map[string]int64{
		policy.ToolCalls: limits.ToolCalls,
		policy.Tokens:    limits.Tokens,
		policy.ModelCost: int64(limits.ModelCost),
		policy.Cost:      int64(limits.ModelCost) + int64(r.overshoot().Cost) + limits.ToolCalls*r.dearestCall() + runtime,
	}
}

func (r Running) limits() AgentLimits {
	limits, _ := find(r.Environment.Limits.Agents, func(l AgentLimits) bool { return l.Agent == r.Agent })
	return limits
}

// WallClock is how long an execution of the lane may last.
func (r Running) WallClock() time.Duration { return r.limits().WallClock.Duration() }

// dearestCall is the highest price of one call of the lane's tools, in MicroUSD.
func (r Running) dearestCall() int64 {
	dearest := int64(0)
	for _, t := range r.Tools {
		dearest = max(dearest, int64(r.Environment.Prices.Call(t.Name)))
	}
	return dearest
}

// hourly is the price of a length of time, rounded up: never less than what it will cost.
func hourly(price terms.MicroUSD, d time.Duration) int64 {
	seconds := int64((d + time.Second - 1) / time.Second)
	return (int64(price)*seconds + 3599) / 3600
}

// Call is the declared price of one call of a tool; without one a call costs nothing.
func (p Prices) Call(tool string) terms.MicroUSD {
	price, _ := find(p.Tools, func(t ToolPrice) bool { return t.Tool == tool })
	return price.Call
}

// Reached is how the function behind a lane's reach tools serves each: by tool.
func (p *Platform) Reached(lane Running) map[string]policy.Reached {
	out := map[string]policy.Reached{}
	for _, t := range lane.Tools {
		target, _ := lane.Environment.Target(t.Name)
		if t.Reach == nil || target.Reach == nil {
			continue
		}
		site := p.Site(lane.Environment, t.Reach.Account)
		out[t.Name] = policy.Reached{
			Role: site.Role(lane.Agent, lane.Lane, "reached"), ExternalID: lane.Term().String(), Region: site.Region,
			Table: target.Reach.Table, Actions: t.Reach.Actions, Attributes: t.Reach.Attributes, Reply: listOf(t.Response.Allow),
			API: target.Reach.API, Stage: target.Reach.Stage, Operations: t.Reach.Operations,
		}
	}
	return out
}

// listOf is the member of a reach tool's reply that its response paths call the list:
// decisions for $.decisions[*].outcome.
func listOf(allow []string) string {
	for _, path := range allow {
		if name, _, ok := strings.Cut(strings.TrimPrefix(path, "$."), "[*]"); ok {
			return name
		}
	}
	return "items"
}
