package policy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"remit/policy"
	"remit/terms"
)

var (
	clerk   = terms.User{ID: "ana", Tenant: "north", Roles: []string{"clerk"}}
	noon    = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	minimal = policy.Bundle{
		Format: policy.Format, Lane: lane, Day: "UTC", Callers: []string{"clerk"}, Purposes: []string{"ordering"}, Constraints: []policy.Constraint{},
		Tools: map[string]*policy.Tool{"find": {
			Target: "find", Access: terms.Read, DataClass: "OPEN", Callers: []string{"clerk"}, Input: json.RawMessage(`{}`),
			Datum: &policy.Datum{Directory: "orders", Argument: "order", Relation: "assigned"}, Allow: []string{"$.state"}, Never: []string{"card"}, PerUserDay: 5, UnknownCount: true, Cost: 7,
		}},
	}
)

func finding() policy.Request {
	return policy.Request{User: clerk, Lane: lane, Purpose: "ordering", Tool: "find", Args: map[string]any{"order": "O-1"}, At: noon}
}

func TestTheZeroBundleAndTheZeroDecisionDeny(t *testing.T) {
	if (policy.Decision{}).Allowed() || (&policy.Bundle{}).Decide(policy.Request{}).Allowed() || (&policy.Bundle{}).Decide(finding()).Allowed() {
		t.Error("a zero decision was allowed")
	}
	if kept, _, err := (&policy.Bundle{}).Filter("any", []byte(`{"secret":1}`)); kept != nil || err == nil {
		t.Errorf("a zero bundle let %s leave", kept)
	}
	if b, err := policy.Load([]byte(`{}`)); b != nil || !errors.Is(err, policy.ErrBundle) {
		t.Error("an unreadable bundle was loaded")
	}
	if policy.Effect(false) != policy.Deny || policy.Deny.String() != "deny" || policy.Allow.String() != "allow" {
		t.Error("the zero effect must deny, and say so")
	}
}

func TestOneFailedCheckOrOneConstraintDenies(t *testing.T) {
	for passing := range 1 << 4 {
		var d policy.Decision
		for i := range d.Checks {
			d.Checks[i].Effect = passing&(1<<i) != 0
		}
		if got := d.Allowed(); got != (passing == 15) {
			t.Errorf("checks %04b: allowed is %v", passing, got)
		}
		d.Constraints = []policy.Reason{{Sentence: "canary is read-only"}}
		if d.Allowed() {
			t.Errorf("checks %04b: a constraint forbade the call and it was allowed", passing)
		}
	}
}

// A bundle that never went through Load has no sets, no zone and no paths.
func TestABundleThatWasNotLoadedDeniesAllAndLetsNothingOut(t *testing.T) {
	allowed := 0
	for seed := range uint64(300) {
		d := roll(seed)
		raw := d.bundle()
		raw.Tools["nothing"] = nil
		raw.Constraints = append(raw.Constraints, policy.Constraint{ID: "night", When: policy.When{Hours: terms.Hours{From: "22:00", To: "06:00"}}})
		for range 50 {
			r := d.request(&raw)
			if raw.Decide(r).Allowed() {
				t.Fatalf("a bundle nobody checked allowed %+v", r)
			}
			r.Tool = "nothing"
			if raw.Decide(r).Allowed() {
				t.Fatal("a tool that is null was allowed")
			}
		}
		raw.Constraints = raw.Constraints[:0]
		delete(raw.Tools, "nothing")
		b := loaded(t, raw)
		for range 50 {
			if b.Decide(d.request(b)).Allowed() {
				allowed++
			}
		}
		for name, tool := range raw.Tools {
			tool.Text = true
			if kept, _, err := raw.Filter(name, []byte(`{"content":[{"type":"text","text":"secret"}],"structuredContent":{"a":1}}`)); err == nil || kept != nil {
				t.Fatalf("a bundle nobody checked let %s leave", kept)
			}
		}
	}
	for _, b := range []policy.Bundle{{Tools: nil}, {Tools: map[string]*policy.Tool{"find": nil}}, {Tools: map[string]*policy.Tool{"find": {}}, Lane: lane}} {
		if b.Decide(finding()).Allowed() {
			t.Errorf("%+v allows", b)
		}
	}
	if allowed == 0 {
		t.Error("the same bundles allow nothing once loaded either, so nothing was shown")
	}
}

// Every field is found by reflection: one that is added later must deny when missing too.
func TestEveryMissingPartOfACallDenies(t *testing.T) {
	b := loaded(t, minimal)
	if d := b.Decide(finding()); !d.Allowed() {
		t.Fatalf("the whole call must be allowed: %+v", d)
	}
	checked := 0
	var walk func(path string, at func(*policy.Request) reflect.Value)
	walk = func(path string, at func(*policy.Request) reflect.Value) {
		r := finding()
		field := at(&r)
		field.SetZero()
		checked++
		if b.Decide(r).Allowed() {
			t.Errorf("a call without %s was allowed", path)
		}
		if whole := finding(); field.Kind() == reflect.Struct && field.Type() != reflect.TypeFor[time.Time]() {
			for i := range at(&whole).NumField() {
				walk(path+"."+field.Type().Field(i).Name, func(r *policy.Request) reflect.Value { return at(r).Field(i) })
			}
		}
	}
	walk("Request", func(r *policy.Request) reflect.Value { return reflect.ValueOf(r).Elem() })
	if checked != 14 {
		t.Errorf("checked %d parts, want 14: does each new one deny by the right check?", checked)
	}
}

func TestACallThatDoesNotNameItsDatumInTextIsDenied(t *testing.T) {
	b := loaded(t, minimal)
	for name, args := range map[string]map[string]any{
		"absent": {}, "null": {"order": nil}, "empty": {"order": ""}, "a number": {"order": 7.0}, "a json number": {"order": json.Number("7")}, "true": {"order": true},
		"a list": {"order": []any{"O-1"}}, "an object": {"order": map[string]any{"id": "O-1"}}, "bytes": {"order": []byte("O-1")}, "another case": {"Order": "O-1"},
		"a Go string of another type": {"order": terms.Name("O-1")},
	} {
		r := finding()
		r.Args = args
		d := b.Decide(r)
		if d.Allowed() || d.Checks[policy.Tenant].Effect == policy.Allow {
			t.Errorf("%s: nobody can tell whose datum it is, and it was allowed", name)
		}
		if d.Owner != nil {
			t.Errorf("%s: the store would be asked about %+v", name, *d.Owner)
		}
	}
}

func TestTheStoreIsAskedAboutExactlyTheDatumTheTenantAndTheRelation(t *testing.T) {
	b := loaded(t, minimal)
	if got, want := *b.Decide(finding()).Owner, (policy.Ownership{Directory: "orders", Datum: "O-1", Tenant: "north", Relation: "assigned", User: "ana"}); got != want {
		t.Errorf("another datum would be attested\n  got  %+v\n  want %+v", got, want)
	}
	loose := minimal
	tool := *minimal.Tools["find"]
	tool.Datum = &policy.Datum{Directory: "orders", Argument: "order"}
	loose.Tools = map[string]*policy.Tool{"find": &tool}
	if got, want := *loaded(t, loose).Decide(finding()).Owner, (policy.Ownership{Directory: "orders", Datum: "O-1", Tenant: "north"}); got != want {
		t.Errorf("another datum would be attested\n  got  %+v\n  want %+v", got, want)
	}
}

func TestAnArgumentThatNamesAWithheldFieldIsRefusedWhereverItStands(t *testing.T) {
	b := loaded(t, minimal) // never: card
	for name, c := range map[string]struct {
		more any
		want policy.Effect
	}{
		"as text":                    {"card", policy.Deny},
		"in capitals":                {"CARD", policy.Deny},
		"in a list":                  {[]any{"state", []any{"Card"}}, policy.Deny},
		"as a key":                   {map[string]any{"card": nil}, policy.Deny},
		"as a key far down":          {[]any{map[string]any{"a": map[string]any{"b": []any{map[string]any{"cARD": 1.0}}}}}, policy.Deny},
		"in a list of Go strings":    {[]string{"card"}, policy.Deny},
		"in a map of Go strings":     {map[string]string{"card": ""}, policy.Deny},
		"in JSON nobody decoded":     {json.RawMessage(`"card"`), policy.Deny},
		"as part of another word":    {"cardigan", policy.Allow},
		"in a sentence":              {"their card was declined", policy.Allow},
		"nothing, number, truth":     {[]any{nil, 1.0, true, json.Number("2"), 3, int64(4)}, policy.Allow},
		"a list without it":          {[]any{"state", map[string]any{"stat": "e"}}, policy.Allow},
		"with white space around it": {" card ", policy.Allow},
	} {
		r := finding()
		r.Args["more"] = c.more
		if got := b.Decide(r).Checks[policy.Data].Effect; got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
	r := finding()
	r.Args["CARD"] = ""
	if b.Decide(r).Allowed() {
		t.Error("an argument called CARD was allowed")
	}
}

// encoding/json and many other readers match keys by Unicode folding, so every rune that
// folds to another one is the same letter to a tool.
func TestNoLetterInDisguiseNamesAWithheldField(t *testing.T) {
	disguises := 0
	for r := rune('A'); r <= unicode.MaxRune; r++ {
		if unicode.SimpleFold(r) == r {
			continue
		}
		b := copied(t, minimal)
		b.Tools["find"].Never = []string{"x" + string(r)}
		if disguises > 300 && unicode.SimpleFold(unicode.SimpleFold(r)) == r {
			continue // of plain pairs a few hundred are enough; of the longer circles all
		}
		bundle := loaded(t, b)
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			call := finding()
			call.Args["fields"] = []any{"X" + string(other)}
			disguises++
			if bundle.Decide(call).Allowed() {
				t.Fatalf("x%c is withheld and X%c was allowed", r, other)
			}
		}
	}
	if disguises < 300 {
		t.Errorf("only %d disguises were tried", disguises)
	}
}

// narrowings take something from a bundle, if there was something to take.
var narrowings = map[string]func(d dice, b *policy.Bundle, tool string) bool{
	"freedom from a constraint": func(d dice, b *policy.Bundle, _ string) bool {
		b.Constraints = append(b.Constraints, d.constraint("new"))
		return true
	},
	"a caller of the agent":  func(d dice, b *policy.Bundle, _ string) bool { return without(d, &b.Callers) },
	"a purpose of the agent": func(d dice, b *policy.Bundle, _ string) bool { return without(d, &b.Purposes) },
	"a tool": func(_ dice, b *policy.Bundle, tool string) bool {
		_, had := b.Tools[tool]
		delete(b.Tools, tool)
		return had
	},
	"a caller of a tool":    toolLess(func(d dice, t *policy.Tool) bool { return without(d, &t.Callers) }),
	"a path that may leave": toolLess(func(d dice, t *policy.Tool) bool { return without(d, &t.Allow) }),
	"a word that was free": toolLess(func(d dice, t *policy.Tool) bool {
		t.Never = append(t.Never, pick(d, []string{"order", "fine", "x", "state"}))
		return true
	}),
	"calls about no datum": toolLess(func(_ dice, t *policy.Tool) bool {
		had := t.Datum == nil
		t.Datum = &policy.Datum{Directory: "orders", Argument: "card"}
		return had
	}),
	"calls without a relation": toolLess(func(_ dice, t *policy.Tool) bool {
		if t.Datum == nil || t.Datum.Relation != "" {
			return false
		}
		t.Datum.Relation = "assigned"
		return true
	}),
	"calls without number": toolLess(func(_ dice, t *policy.Tool) bool {
		had := t.PerUserDay == 0
		t.PerUserDay = 1
		return had
	}),
	"a condition of a constraint": func(d dice, b *policy.Bundle, _ string) bool {
		if len(b.Constraints) == 0 {
			return false
		}
		c := &b.Constraints[d.IntN(len(b.Constraints))]
		pick(d, []func(){
			func() { c.When.Lane = "" }, func() { c.When.UserRole, c.When.UserRoles = "", nil }, func() { c.When.DataClass = "" }, func() { c.When.Access = "" },
			func() { c.When.Purpose = "" }, func() { c.When.Hours = terms.Hours{} }, func() { c.Forbid.Access = "" }, func() { c.Forbid.DataClass = "" }, func() { c.Forbid.Tools = nil },
		})()
		return true
	},
}

// losses take something from a call.
var losses = map[string]func(d dice, r *policy.Request) bool{
	"a role of the user":  func(d dice, r *policy.Request) bool { return without(d, &r.User.Roles) },
	"the user's name":     func(_ dice, r *policy.Request) bool { r.User.ID = ""; return true },
	"the user's tenant":   func(_ dice, r *policy.Request) bool { r.User.Tenant = ""; return true },
	"the time":            func(_ dice, r *policy.Request) bool { r.At = time.Time{}; return true },
	"the purpose":         func(_ dice, r *policy.Request) bool { r.Purpose = ""; return true },
	"the arguments":       func(_ dice, r *policy.Request) bool { r.Args = nil; return true },
	"the lane's own name": func(_ dice, r *policy.Request) bool { r.Lane.Name = ""; return true },
}

func toolLess(less func(dice, *policy.Tool) bool) func(dice, *policy.Bundle, string) bool {
	return func(d dice, b *policy.Bundle, name string) bool {
		tool := b.Tools[name]
		return tool != nil && less(d, tool)
	}
}

func without(d dice, list *[]string) bool {
	if len(*list) == 0 {
		return false
	}
	i := d.IntN(len(*list))
	*list = slices.Delete(slices.Clone(*list), i, i+1)
	return true
}

// neverDeny are the restrictions that a decision does not see: they narrow the reply, the
// store's word or the number of calls.
var neverDeny = []string{"a path that may leave", "calls without a relation", "calls without number"}

// A role is also what a constraint can be about ("trainees may not write"), so taking one
// from a user can lift such a constraint and nothing else. That is the one exception.
func TestTakingSomethingAwayNeverAllowsMore(t *testing.T) {
	points, lifted, denied := 0, 0, map[string]int{}
	for name := range narrowings {
		denied[name] = 0
	}
	check := func(name string, raw policy.Bundle, before, now *policy.Bundle, r, less policy.Request) {
		points++
		was, is := before.Decide(r), now.Decide(less)
		switch {
		case was.Allowed() && !is.Allowed():
			denied[name]++
		case !was.Allowed() && is.Allowed() && name == "a role of the user" && aboutRoles(raw, was.Constraints) && allAllow(was):
			lifted++
		case !was.Allowed() && is.Allowed():
			t.Fatalf("taking away %s allowed more\n  call %+v\n  was  %+v\n  now  %+v", name, r, was, is)
		}
	}
	for seed := range uint64(250) {
		d := roll(seed)
		raw := d.bundle()
		before := loaded(t, raw)
		for _, name := range slices.Sorted(maps.Keys(narrowings)) {
			less, tool := copied(t, raw), pick(d, someTools)
			if !narrowings[name](d, &less, tool) {
				continue
			}
			now := loaded(t, less)
			for i := range 60 {
				r := d.request(before)
				if i%2 == 0 {
					r.Tool = tool
				}
				check(name, raw, before, now, r, r)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(losses)) {
			for range 60 {
				r := d.request(before)
				less := r
				if losses[name](d, &less) {
					check(name, raw, before, before, r, less)
				}
			}
		}
	}
	for name, n := range denied {
		if (n == 0) != slices.Contains(neverDeny, name) {
			t.Errorf("taking away %s denied %d calls, so this law says nothing about it", name, n)
		}
	}
	t.Logf("%d points, %d restrictions; %d times a role was what a constraint was about", points, len(narrowings)+len(losses), lifted)
	if lifted == 0 {
		t.Error("the exception is never met; drop it from the law")
	}
}

func allAllow(d policy.Decision) bool {
	return !slices.ContainsFunc(d.Checks[:], func(c policy.Check) bool { return c.Effect != policy.Allow })
}

func aboutRoles(b policy.Bundle, forbidding []policy.Reason) bool {
	for _, reason := range forbidding {
		i := slices.IndexFunc(b.Constraints, func(c policy.Constraint) bool { return reason.Rule == "constraints."+c.ID })
		if i < 0 || b.Constraints[i].When.UserRole == "" {
			return false
		}
	}
	return true
}

func copied(t testing.TB, b policy.Bundle) policy.Bundle {
	t.Helper()
	text, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	var out policy.Bundle
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// Effective permission is agent ∩ user ∩ context. Each part is asked of a bundle in which
// the other two are as wide as they can be.
func TestWhatIsAllowedIsTheAgentsAndTheUsersAndTheContextsInAnyOrder(t *testing.T) {
	points, allowed := 0, 0
	for seed := range uint64(150) {
		d := roll(seed)
		raw := d.bundle()
		everyone := append(slices.Clone(someRoles), "stranger")

		agent := copied(t, raw) // its tools and purposes
		agent.Callers, agent.Constraints = everyone, []policy.Constraint{}
		for _, tool := range agent.Tools {
			tool.Callers, tool.Never, tool.Datum = everyone, nil, nil
		}
		user := copied(t, raw) // whom the agent and its tools admit, and with which words
		user.Constraints, user.Purposes = []policy.Constraint{}, somePurposes
		context := copied(t, raw) // what the constraints leave
		context.Callers, context.Purposes = everyone, somePurposes
		for _, tool := range context.Tools {
			tool.Callers, tool.Never, tool.Datum = everyone, nil, nil
		}
		for _, name := range someTools { // a tool the lane lacks is for nobody to judge but the agent
			if raw.Tools[name] == nil {
				open := &policy.Tool{Target: name, Access: terms.Read, DataClass: "OPEN", Callers: everyone, Input: json.RawMessage(`{}`)}
				user.Tools[name], context.Tools[name] = open, open
			}
		}
		user.Callers = raw.Callers

		whole := loaded(t, raw)
		parts := [3]map[int]bool{{}, {}, {}}
		effective := map[int]bool{}
		var calls []policy.Request
		for range 80 {
			r := d.request(whole)
			r.User.Roles = append(r.User.Roles, "stranger")
			calls = append(calls, r)
		}
		for side, b := range []*policy.Bundle{loaded(t, agent), loaded(t, user), loaded(t, context)} {
			for i, r := range calls {
				if b.Decide(r).Allowed() {
					parts[side][i] = true
				}
			}
		}
		for i, r := range calls {
			points++
			if whole.Decide(r).Allowed() {
				effective[i] = true
				allowed++
			}
		}
		for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}, {0, 0, 1, 1, 2, 2}, {2, 1, 0, 1, 2}} {
			got := maps.Clone(parts[order[0]])
			for _, next := range order[1:] {
				maps.DeleteFunc(got, func(i int, _ bool) bool { return !parts[next][i] })
			}
			if !maps.Equal(got, effective) {
				for i, r := range calls {
					if got[i] != effective[i] {
						t.Fatalf("seed %d: agent %v, user %v, context %v, and together %v\n  call %+v", seed, parts[0][i], parts[1][i], parts[2][i], effective[i], r)
					}
				}
			}
		}
	}
	t.Logf("%d points, %d allowed", points, allowed)
	if allowed == 0 {
		t.Error("nothing was allowed, so nothing was shown")
	}
}

// forbidding is one bundle whose only constraint forbids the tool in a window.
func forbidding(t testing.TB, zone string, window terms.Hours) *policy.Bundle {
	b := copied(t, minimal)
	b.Day, b.Constraints = zone, []policy.Constraint{{ID: "closed", When: policy.When{Hours: window}, Forbid: policy.Forbid{Access: terms.Read}}}
	return loaded(t, b)
}

func TestAnUnknownHourIsEveryHour(t *testing.T) {
	for _, window := range someHours {
		r := finding()
		r.At = time.Time{}
		if rules := fmt.Sprint(forbidding(t, "UTC", window).Decide(r).Constraints); !strings.Contains(rules, "constraints.closed") {
			t.Errorf("a call at no time passed a window of %s: %s", window, rules)
		}
		r.At = time.Time{}.In(time.FixedZone("", 3600))
		if forbidding(t, "UTC", window).Decide(r).Allowed() {
			t.Errorf("a call at no time, told in another zone, passed a window of %s", window)
		}
	}
}

func TestAWindowFollowsTheClockOnTheWallThroughChangesOfTheClockAndLeapDays(t *testing.T) {
	for _, c := range []struct {
		name, zone, day string // day: local date
		window          terms.Hours
		want            int // minutes of that day in which the call is forbidden
	}{
		{"an ordinary night", "America/New_York", "2026-03-07", terms.Hours{From: "22:00", To: "06:00"}, 480},
		{"the night that loses an hour", "America/New_York", "2026-03-08", terms.Hours{From: "22:00", To: "06:00"}, 420},
		{"the night that gains an hour", "America/New_York", "2026-11-01", terms.Hours{From: "22:00", To: "06:00"}, 540},
		{"the hour that does not exist", "America/New_York", "2026-03-08", terms.Hours{From: "02:00", To: "03:00"}, 0},
		{"the hour that is there twice", "America/New_York", "2026-11-01", terms.Hours{From: "01:00", To: "02:00"}, 120},
		{"the hour that does not exist in London", "Europe/London", "2026-03-29", terms.Hours{From: "01:00", To: "02:00"}, 0},
		{"the hour that is there twice in London", "Europe/London", "2026-10-25", terms.Hours{From: "01:00", To: "02:00"}, 120},
		{"New York's change is not London's", "Europe/London", "2026-03-08", terms.Hours{From: "01:00", To: "02:00"}, 60},
		{"office hours on a leap day", "America/New_York", "2028-02-29", terms.Hours{From: "08:00", To: "18:00"}, 600},
		{"midnight of a leap day", "Europe/London", "2028-02-29", terms.Hours{From: "23:59", To: "00:01"}, 2},
		{"all day but a minute", "Europe/London", "2028-02-29", terms.Hours{From: "00:00", To: "23:59"}, 24*60 - 1},
		{"half an hour is lost at sea", "Australia/Lord_Howe", "2026-10-04", terms.Hours{From: "01:00", To: "03:00"}, 90},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		day, err := time.ParseInLocation(time.DateOnly, c.day, zone)
		if err != nil {
			t.Fatal(err)
		}
		b := forbidding(t, c.zone, c.window)
		got := 0
		for at := day.UTC(); at.In(zone).Day() == day.Day(); at = at.Add(time.Minute) {
			r := finding()
			r.At = at.In(time.FixedZone("elsewhere", -7*3600))
			if !b.Decide(r).Allowed() {
				got++
			}
		}
		if got != c.want {
			t.Errorf("%s (%s in %s): forbidden for %d minutes, want %d", c.name, c.day, c.zone, got, c.want)
		}
	}
}

func TestACallTakesExactlyTheDeclaredLimits(t *testing.T) {
	d := loaded(t, minimal).Decide(finding())
	if want := []policy.Take{{Limit: policy.ToolCalls, Amount: 1}, {Limit: policy.Cost, Amount: 7}, {Limit: "tool/find", Amount: 1, PerUserDay: 5, UnknownCounts: true}}; !slices.Equal(d.Takes, want) {
		t.Errorf("a limit is not counted, or counted as another\n  got  %v\n  want %v", d.Takes, want)
	}
	free := copied(t, minimal)
	free.Tools["find"].PerUserDay, free.Tools["find"].Cost = 0, 0
	if got, want := loaded(t, free).Decide(finding()).Takes, []policy.Take{{Limit: policy.ToolCalls, Amount: 1}}; !slices.Equal(got, want) {
		t.Errorf("a tool without a limit of its own\n  got  %v\n  want %v", got, want)
	}
}

func TestWhateverACallerDoesToADecisionTheNextOneIsTheSame(t *testing.T) {
	b := copied(t, minimal)
	b.Constraints = []policy.Constraint{{ID: "one"}, {ID: "two"}}
	bundle := loaded(t, b)
	first := fmt.Sprintf("%+v", flat(bundle.Decide(finding())))
	for range 3 {
		d := bundle.Decide(finding())
		_ = append(d.Takes, policy.Take{Limit: "appended"})
		_ = append(d.Takes[:1], policy.Take{Limit: "overwritten"})
		_ = append(d.Constraints[:1], policy.Reason{})
		d.Takes[0] = policy.Take{Limit: policy.ToolCalls, Amount: -1000}
		d.Constraints[0] = policy.Reason{}
		*d.Owner = policy.Ownership{}
		clear(d.Takes)
	}
	if again := fmt.Sprintf("%+v", flat(bundle.Decide(finding()))); again != first {
		t.Errorf("one caller changed the policy of all later calls\n  was %s\n  is  %s", first, again)
	}
}

func flat(d policy.Decision) any {
	return struct {
		policy.Decision
		Owner policy.Ownership
	}{policy.Decision{Checks: d.Checks, Constraints: d.Constraints, Takes: d.Takes}, *d.Owner}
}

func TestADecisionDoesNotChangeItsRequest(t *testing.T) {
	for seed := range uint64(200) {
		d := roll(seed)
		b := loaded(t, d.bundle())
		r := d.request(b)
		before := fmt.Sprintf("%#v", r)
		b.Decide(r)
		if after := fmt.Sprintf("%#v", r); after != before {
			t.Fatalf("was %s\n  is %s", before, after)
		}
	}
}

func TestOneBundleServesManyCallsAtOnce(t *testing.T) {
	b := loaded(t, minimal)
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			for range 200 {
				d := b.Decide(finding())
				d.Takes[0].Amount++
				if _, _, err := b.Filter("find", []byte(`{"structuredContent":{"state":1}}`)); err != nil || !d.Allowed() {
					t.Error("a call was refused beside others")
				}
			}
		})
	}
}

// The record explains all four checks; a refusal that hid another would hide who is hurt.
func TestEveryCheckSpeaksWhateverTheOthersSay(t *testing.T) {
	b := copied(t, minimal)
	b.Constraints = []policy.Constraint{{ID: "one", Forbid: policy.Forbid{Access: terms.Read}}, {ID: "two", When: policy.When{Purpose: "mischief"}}}
	bundle := loaded(t, b)
	r := finding()
	r.Lane.Name, r.User.Tenant, r.User.Roles, r.Purpose, r.Args["x"] = "canary", "", nil, "mischief", "CARD"
	d := bundle.Decide(r)
	var got []string
	for _, c := range d.Checks {
		got = append(got, fmt.Sprintf("%s %s %s", c.Kind, c.Effect, c.Reason.Rule))
	}
	for _, c := range d.Constraints {
		got = append(got, c.Rule)
	}
	want := []string{"role deny agents.seller.tools", "tenant deny tools.find.datum", "rbac deny agents.seller.callers", "data deny tools.find.response", "constraints.one", "constraints.two"}
	if !slices.Equal(got, want) {
		t.Errorf("a refusal hides another\n  got  %q\n  want %q", got, want)
	}
}
