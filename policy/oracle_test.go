package policy_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"remit/platform/load"
	"remit/policy"
	"remit/terms"
)

var lane = terms.Lane{Platform: "shop", Environment: "live", Agent: "seller", Name: "stable"}

// loaded is the bundle as a Lambda would get it: through its canonical bytes.
func loaded(t testing.TB, b policy.Bundle) *policy.Bundle {
	t.Helper()
	text, err := b.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	out, err := policy.Load(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text[:min(len(text), 2000)])
	}
	return out
}

// answer is what a decision must say, without its words.
type answer struct {
	checks      [4]bool
	constraints []string
	owner       policy.Ownership
	takes       []policy.Take
}

func (a answer) allowed() bool {
	return a.checks == [4]bool{true, true, true, true} && len(a.constraints) == 0
}

// naive evaluates the declared fields of a bundle from the design's sentences, on plain
// lists and without anything prepared. It shares no code with Decide.
func naive(b *policy.Bundle, r policy.Request) answer {
	var out answer
	tool := b.Tools[r.Tool]
	if tool == nil {
		return out // nothing is known of it, so nothing of it is allowed
	}

	// Role: this lane, whole, and no other.
	mine, theirs := b.Lane, r.Lane
	out.checks[0] = mine.Platform != "" && mine.Environment != "" && mine.Agent != "" && mine.Name != "" && mine.String() == theirs.String()

	// Tenant: a user with a tenant, and a named datum if the tool is about one.
	if r.User.ID != "" && r.User.Tenant != "" {
		out.checks[1] = true
		if tool.Datum != nil {
			if name, ok := r.Args[tool.Datum.Argument].(string); ok && len(name) > 0 {
				out.owner = policy.Ownership{Directory: tool.Datum.Directory, Datum: name, Tenant: r.User.Tenant}
				if tool.Datum.Relation != "" {
					out.owner.Relation, out.owner.User = tool.Datum.Relation, r.User.ID
				}
			} else {
				out.checks[1] = false
			}
		}
	}

	// RBAC: of the user's roles one may use the agent and one may call the tool.
	agent, calls, purpose := false, false, false
	for _, role := range r.User.Roles {
		for _, c := range b.Callers {
			agent = agent || role == c && role != ""
		}
		for _, c := range tool.Callers {
			calls = calls || role == c && role != ""
		}
	}
	for _, p := range b.Purposes {
		purpose = purpose || p == r.Purpose && p != ""
	}
	out.checks[2] = agent && calls && purpose

	// Data: no argument names what never leaves.
	asked := words(r.Args)
	out.checks[3] = r.Args != nil
	for _, never := range tool.Never {
		for _, word := range asked {
			if fold(word) == fold(never) {
				out.checks[3] = false
			}
		}
	}

	// Constraints: those whose every given word holds; and a call at no time.
	if r.At.IsZero() {
		out.constraints = append(out.constraints, "day")
	}
	for _, c := range b.Constraints {
		if holds(b, c, r, *tool) {
			out.constraints = append(out.constraints, "constraints."+c.ID)
		}
	}

	out.takes = append(out.takes, policy.Take{Limit: "tool_calls", Amount: 1})
	if tool.Cost != 0 {
		out.takes = append(out.takes, policy.Take{Limit: "cost", Amount: tool.Cost})
	}
	if tool.PerUserDay != 0 {
		out.takes = append(out.takes, policy.Take{Limit: "tool/" + r.Tool, Amount: 1, PerUserDay: tool.PerUserDay, UnknownCounts: tool.UnknownCount})
	}
	return out
}

func holds(b *policy.Bundle, c policy.Constraint, r policy.Request, tool policy.Tool) bool {
	for _, pair := range [][2]string{
		{c.When.Lane, r.Lane.Name},
		{c.When.DataClass, tool.DataClass},
		{string(c.When.Access), string(tool.Access)},
		{c.When.Purpose, r.Purpose},
		{c.Forbid.DataClass, tool.DataClass},
		{string(c.Forbid.Access), string(tool.Access)},
	} {
		if pair[0] != "" && pair[0] != pair[1] {
			return false
		}
	}
	if c.When.UserRole != "" {
		has := false
		for _, above := range c.When.UserRoles {
			for _, role := range r.User.Roles {
				has = has || role == above
			}
		}
		if !has {
			return false
		}
	}
	if len(c.Forbid.Tools) > 0 {
		named := false
		for _, name := range c.Forbid.Tools {
			named = named || name == r.Tool
		}
		if !named {
			return false
		}
	}
	return c.When.Hours.From == "" || r.At.IsZero() || inWindow(zones[b.Day], c.When.Hours, r.At)
}

// inWindow walks the window minute by minute from its beginning to its end.
func inWindow(zone *time.Location, h terms.Hours, at time.Time) bool {
	hour, minute, _ := at.In(zone).Clock()
	for m := minutes(h.From); m != minutes(h.To); m = (m + 1) % (24 * 60) {
		if m == hour*60+minute {
			return true
		}
	}
	return false
}

func minutes(clock string) int {
	at := func(i int) int { return int(clock[i]-'0')*10 + int(clock[i+1]-'0') }
	return at(0)*60 + at(3)
}

// zones is filled before the tests begin: reading a zone takes longer than a decision.
var zones = map[string]*time.Location{}

// words is every key and text of decoded arguments, with a list of what is left to look at
// in place of recursion.
func words(args map[string]any) []string {
	var out []string
	for rest := []any{args}; len(rest) > 0; {
		value := rest[len(rest)-1]
		rest = rest[:len(rest)-1]
		switch v := value.(type) {
		case string:
			out = append(out, v)
		case []any:
			rest = append(rest, v...)
		case map[string]any:
			for key, item := range v {
				out, rest = append(out, key), append(rest, item)
			}
		}
	}
	return out
}

func fold(s string) string { return strings.ToLower(strings.ToUpper(s)) }

// differs says how a decision differs from the reference, "" if it does not.
func differs(got policy.Decision, want answer) string {
	for i, c := range got.Checks {
		if c.Kind != policy.Kind(i) {
			return fmt.Sprintf("check %d is recorded as %s", i, c.Kind)
		}
		if bool(c.Effect) != want.checks[i] {
			return fmt.Sprintf("the %s check says %s: %s", c.Kind, c.Effect, c.Reason.Sentence)
		}
		if c.Reason.Sentence == "" {
			return fmt.Sprintf("the %s check says %s and not why", c.Kind, c.Effect)
		}
	}
	if len(got.Constraints) != len(want.constraints) {
		return fmt.Sprintf("constraints %v forbid it, want %v", got.Constraints, want.constraints)
	}
	for i, c := range got.Constraints {
		if c.Rule != want.constraints[i] {
			return fmt.Sprintf("constraints %v forbid it, want %v", got.Constraints, want.constraints)
		}
	}
	owner := policy.Ownership{}
	if got.Owner != nil {
		owner = *got.Owner
	}
	switch {
	case owner != want.owner:
		return fmt.Sprintf("it rests on %+v, want %+v", owner, want.owner)
	case !slices.Equal(got.Takes, want.takes):
		return fmt.Sprintf("it takes %v, want %v", got.Takes, want.takes)
	case got.Allowed() != want.allowed():
		return fmt.Sprintf("allowed is %v, want %v", got.Allowed(), want.allowed())
	}
	return ""
}

// tally counts what was compared, so that an empty comparison cannot pass.
type tally struct{ points, allowed, forbidden, owned int }

func (n *tally) compare(t *testing.T, b *policy.Bundle, r policy.Request) {
	want := naive(b, r)
	got := b.Decide(r)
	if difference := differs(got, want); difference != "" {
		t.Helper()
		text, _ := b.Canonical()
		t.Fatalf("%s\n  call %+v\n  of   %s", difference, r, text)
	}
	n.points++
	if want.allowed() {
		n.allowed++
		if got.Owner != nil {
			n.owned++
		}
	}
	if len(want.constraints) > 0 {
		n.forbidden++
	}
}

func companies(t testing.TB) []string {
	files, err := filepath.Glob("../environments/*/platform.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("the worked companies are not where they were: %v %v", files, err)
	}
	return files
}

func TestTheWorkedCompaniesDecideAsTheNaiveReadingSays(t *testing.T) {
	var n tally
	lanes := 0
	for _, file := range companies(t) {
		p, err := load.Dir(filepath.Dir(file), "2026-11-23")
		if err != nil {
			t.Fatal(err)
		}
		var named []string
		for _, r := range p.UserRoles {
			named = append(named, r.Name)
		}
		roles := [][]string{nil, {}, {""}, {"stranger"}, named}
		for i, name := range named {
			roles = append(roles, []string{name}, []string{name, "stranger"}, []string{strings.ToUpper(name)})
			for _, other := range named[i+1:] {
				roles = append(roles, []string{other, name})
			}
		}
		tools := []string{"", "ghost"}
		for _, tool := range p.Tools {
			tools = append(tools, tool.Name)
		}
		times := []time.Time{{}}
		for hour := range 24 {
			if testing.Short() && hour%8 != 0 {
				continue
			}
			times = append(times, time.Date(2026, 11, 23, hour, 0, 0, 0, time.UTC))
		}
		for _, e := range p.Environments {
			for _, running := range p.Lanes(e) {
				lanes++
				b := loaded(t, p.Bundle(running))
				other := b.Lane
				other.Name += "-other"
				for _, asked := range []terms.Lane{b.Lane, other, {}} {
					for r := range requests(p.Purposes, tools, roles, times, b) {
						r.Lane = asked
						n.compare(t, b, r)
					}
				}
			}
		}
	}
	t.Logf("%d points of %d lanes: %d allowed, %d of them on a directory's word, %d forbidden by a constraint", n.points, lanes, n.allowed, n.owned, n.forbidden)
	if n.points < 500_000 || n.allowed == 0 || n.owned == 0 || n.forbidden == 0 {
		t.Error("the comparison compares too little to say anything")
	}
}

// requests is the whole enumerated world of one lane. The words of arguments are taken from
// what the lane's tools name.
func requests(purposes, tools []string, roles [][]string, times []time.Time, b *policy.Bundle) iter.Seq[policy.Request] {
	return func(yield func(policy.Request) bool) {
		for _, tool := range tools {
			for _, args := range argumentsFor(b.Tools[tool]) {
				for _, purpose := range append([]string{"", "mischief"}, purposes...) {
					for _, role := range roles {
						r := policy.Request{User: terms.User{ID: "ana", Roles: role}, Purpose: purpose, Tool: tool, Args: args, At: times[1]}
						if !yield(r) { // of a user without a tenant
							return
						}
						r.User.Tenant = "north"
						for _, r.At = range times {
							if !yield(r) {
								return
							}
						}
					}
				}
			}
		}
	}
}

func argumentsFor(tool *policy.Tool) []map[string]any {
	argument, never := "id", "id"
	if tool != nil && tool.Datum != nil {
		argument = tool.Datum.Argument
	}
	if tool != nil && len(tool.Never) > 0 {
		never = tool.Never[0]
	}
	return []map[string]any{{argument: "A-1"}, {argument: "A-1", "fields": []any{strings.ToUpper(never)}}, {argument: ""}, {argument: 7.0}, {}, nil}
}

// dice draws bundles and calls from a few words, so that they meet often.
type dice struct{ *rand.Rand }

func roll(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 7))} }

func (d dice) oneIn(n int) bool { return d.IntN(n) == 0 }

func pick[T any](d dice, of []T) T { return of[d.IntN(len(of))] }

// some is each word with a chance of three in four.
func (d dice) some(of []string) []string {
	out := []string{}
	for _, w := range of {
		if !d.oneIn(4) {
			out = append(out, w)
		}
	}
	return out
}

// given is a word with a chance of one in n, else the empty word.
func (d dice) given(n int, of []string) string {
	if d.oneIn(n) {
		return pick(d, of)
	}
	return ""
}

var (
	someRoles    = []string{"clerk", "lead", "auditor", "trainee"}
	somePurposes = []string{"ordering", "auditing"}
	someTools    = []string{"find", "close", "list", "note", "void"}
	someClasses  = []string{"OPEN", "SECRET"}
	someAccess   = []string{"read", "write"}
	someNever    = []string{"card", "Cvv", "straße", "kelvin"}
	someHours    = []terms.Hours{{From: "22:00", To: "06:00"}, {From: "08:00", To: "18:00"}, {From: "00:00", To: "23:59"}, {From: "23:59", To: "00:00"}, {From: "02:00", To: "03:00"}}
	someZones    = []string{"UTC", "America/New_York", "Europe/London", "Asia/Kathmandu", "Australia/Lord_Howe"}
)

func (d dice) constraint(id string) policy.Constraint {
	c := policy.Constraint{ID: id}
	c.When = policy.When{
		Lane: d.given(4, []string{"stable", "canary"}), UserRole: d.given(4, someRoles), DataClass: d.given(4, someClasses),
		Access: terms.Access(d.given(4, someAccess)), Purpose: d.given(4, somePurposes),
	}
	if c.When.UserRole != "" {
		c.When.UserRoles = []string{c.When.UserRole}
		if extra := pick(d, someRoles); extra != c.When.UserRole {
			c.When.UserRoles = append(c.When.UserRoles, extra)
		}
	}
	if d.oneIn(3) {
		c.When.Hours = pick(d, someHours)
	}
	c.Forbid = policy.Forbid{Access: terms.Access(d.given(3, someAccess)), DataClass: d.given(4, someClasses)}
	if d.oneIn(3) {
		c.Forbid.Tools = d.some(someTools)
	}
	return c
}

func (d dice) bundle() policy.Bundle {
	b := policy.Bundle{
		Format: policy.Format, Lane: lane, Day: pick(d, someZones), Callers: d.some(someRoles), Purposes: d.some(somePurposes),
		Tools: map[string]*policy.Tool{}, Constraints: []policy.Constraint{},
	}
	if d.oneIn(8) {
		b.Callers, b.Purposes = append(b.Callers, ""), append(b.Purposes, "")
	}
	for _, name := range d.some(someTools) {
		tool := &policy.Tool{
			Target: name, Access: terms.Access(pick(d, someAccess)), DataClass: pick(d, someClasses), Callers: d.some(someRoles),
			Input: json.RawMessage(`{}`), Allow: d.some([]string{"$.a", "$.b[*].a", "$.b[*].b[1]", "$.c.c"}),
		}
		if d.oneIn(2) {
			tool.Datum = &policy.Datum{Directory: "orders", Argument: pick(d, []string{"order", "card"}), Relation: d.given(2, []string{"assigned"})}
		}
		if d.oneIn(2) {
			tool.Never = d.some(someNever)
		}
		if d.oneIn(2) {
			tool.PerUserDay, tool.UnknownCount, tool.Cost = int64(d.IntN(9)), d.IntN(2) == 0, int64(d.IntN(3))
		}
		b.Tools[name] = tool
	}
	for i := range d.IntN(4) {
		b.Constraints = append(b.Constraints, d.constraint(fmt.Sprintf("c%d", i)))
	}
	return b
}

func (d dice) value(depth int) any {
	switch d.IntN(8) {
	case 0:
		return pick(d, someNever)
	case 1:
		return pick(d, []string{"CARD", "ſtrasse", "STRASSE", "STRAẞE", "\u212Aelvin", "cards", "car", "", " card"})
	case 2:
		return nil
	case 3:
		return pick(d, []any{true, 7.0, json.Number("1e400")})
	case 4, 5:
		if depth > 0 {
			return []any{d.value(depth - 1), d.value(depth - 1)}
		}
	case 6:
		if depth > 0 {
			return map[string]any{pick(d, []string{"card", "Cvv", "state", "\u212Aelvin"}): d.value(depth - 1), "x": d.value(depth - 1)}
		}
	}
	return "fine"
}

func (d dice) request(b *policy.Bundle) policy.Request {
	r := policy.Request{
		User: terms.User{ID: "ana", Tenant: "north", Roles: d.some(someRoles)}, Lane: b.Lane, Purpose: pick(d, somePurposes), Tool: pick(d, someTools),
		Args: map[string]any{"order": "O-1"}, At: time.Unix(1_700_000_000+d.Int64N(100_000_000), 0),
	}
	if d.oneIn(3) {
		r.Args[pick(d, []string{"order", "card", "note"})] = d.value(2)
	}
	switch d.IntN(20) {
	case 0:
		r.User.ID = ""
	case 1:
		r.User.Tenant = ""
	case 2:
		r.User.Roles = append(r.User.Roles, "", "stranger")
	case 3:
		r.Lane.Name = "canary"
	case 4:
		r.Purpose = pick(d, []string{"", "mischief"})
	case 5:
		r.Tool = pick(d, []string{"", "ghost"})
	case 6:
		r.Args = pick(d, []map[string]any{nil, {}})
	case 7:
		r.At = time.Time{}
	}
	return r
}

func TestAThousandInventedBundlesDecideAsTheNaiveReadingSays(t *testing.T) {
	var n tally
	kinds := map[string]int{}
	for seed := range seeds(1000) {
		d := roll(seed)
		b := loaded(t, d.bundle())
		for _, c := range b.Constraints {
			w := c.When
			for kind, is := range map[string]bool{
				"lane": w.Lane != "", "user role": w.UserRole != "", "class": w.DataClass != "", "access": w.Access != "", "purpose": w.Purpose != "", "hours": w.Hours.From != "",
				"forbid access": c.Forbid.Access != "", "forbid class": c.Forbid.DataClass != "", "forbid tools": len(c.Forbid.Tools) > 0,
			} {
				if is {
					kinds[kind]++
				}
			}
		}
		for range 200 {
			n.compare(t, b, d.request(b))
		}
	}
	t.Logf("%d points of 1,000 bundles: %d allowed, %d of them on a directory's word, %d forbidden by a constraint; constraints by kind: %v", n.points, n.allowed, n.owned, n.forbidden, kinds)
	if n.allowed < n.points/50 || n.owned == 0 || n.forbidden == 0 || len(kinds) != 9 {
		t.Error("the comparison compares too little to say anything")
	}
}

func TestMain(m *testing.M) {
	time.Local = time.FixedZone("nowhere", 11*3600+30*60) // an answer that depends on the machine's zone is wrong somewhere
	for _, name := range append(someZones, "America/Chicago") {
		zone, err := time.LoadLocation(name)
		if err != nil {
			panic(err)
		}
		zones[name] = zone
	}
	os.Exit(m.Run())
}

// seeds is how many of n invented cases are tried: -short is for whoever runs the tests a
// thousand times.
func seeds(n uint64) uint64 {
	if testing.Short() {
		return n / 10
	}
	return n
}
