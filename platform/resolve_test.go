package platform_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"remit/platform"
	"remit/policy"
	"remit/terms"
)

func userRoles(includes ...[]string) *platform.Platform {
	p := &platform.Platform{}
	for _, r := range includes {
		p.UserRoles = append(p.UserRoles, platform.UserRole{Name: r[0], Includes: r[1:]})
	}
	return p
}

func TestWhoeverIncludesARoleMayDoWhatItMay(t *testing.T) {
	chain := [][]string{{"clerk"}, {"senior", "clerk"}, {"head", "senior"}, {"auditor"}, {"everything", "head", "auditor"}}
	for name, c := range map[string]struct {
		named []string
		want  string
	}{
		"the lowest":            {[]string{"clerk"}, "clerk senior head everything"},
		"in the middle":         {[]string{"senior"}, "senior head everything"},
		"the highest":           {[]string{"everything"}, "everything"},
		"beside the chain":      {[]string{"auditor"}, "auditor everything"},
		"two, in no order":      {[]string{"auditor", "head"}, "head auditor everything"},
		"a role nobody has":     {[]string{"ghost"}, ""},
		"nobody":                {nil, ""},
		"one role named twice":  {[]string{"head", "head"}, "head everything"},
		"a role in another way": {[]string{"Clerk"}, ""},
	} {
		if got := strings.Join(userRoles(chain...).RolesAbove(c.named), " "); got != c.want {
			t.Errorf("%s: someone else may call the tool\n  got  %s\n  want %s", name, got, c.want)
		}
	}
	slices.Reverse(chain)
	if got := strings.Join(userRoles(chain...).RolesAbove([]string{"clerk"}), " "); got != "everything head senior clerk" {
		t.Errorf("the order of the declaration decides who is above: %s", got)
	}
}

func TestRolesThatIncludeEachOtherDoNotHangTheReader(t *testing.T) {
	done := make(chan string, 1)
	go func() {
		done <- strings.Join(userRoles([]string{"a", "b"}, []string{"b", "c"}, []string{"c", "a"}, []string{"d", "d"}).RolesAbove([]string{"a"}), " ")
	}()
	select {
	case got := <-done:
		if got != "a b c" {
			t.Errorf("a circle of roles is one role: got %s", got)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("a circle of roles never ends")
	}
}

// More names in, or more includes, never fewer roles out; and the closure is closed.
func TestTheClosureOfRolesGrowsAndIsClosed(t *testing.T) {
	all := []string{"a", "b", "c", "d", "e"}
	rapid.Check(t, func(t *rapid.T) {
		var lists [][]string
		for _, name := range all {
			lists = append(lists, append([]string{name}, rapid.SliceOfDistinct(rapid.SampledFrom(all), rapid.ID[string]).Draw(t, name)...))
		}
		p := userRoles(lists...)
		named := rapid.SliceOfDistinct(rapid.SampledFrom(all), rapid.ID[string]).Draw(t, "named")
		above := p.RolesAbove(named)
		for _, n := range named {
			if !slices.Contains(above, n) {
				t.Fatalf("%s is named and not admitted: %v", n, above)
			}
		}
		if again := p.RolesAbove(above); !slices.Equal(again, above) {
			t.Fatalf("above %v is %v, and above that %v", named, above, again)
		}
		for _, l := range lists {
			if slices.ContainsFunc(l[1:], func(lower string) bool { return slices.Contains(above, lower) }) != slices.Contains(above, l[0]) && !slices.Contains(named, l[0]) {
				t.Fatalf("%s includes %v, and above %v is %v", l[0], l[1:], named, above)
			}
		}
	})
}

func TestALaneIsReadOnlyOnlyByARuleThatAlwaysHoldsForIt(t *testing.T) {
	write := platform.Forbid{Access: "write"}
	for name, c := range map[string]struct {
		rule platform.Constraint
		want bool
	}{
		"forbidden writes":                {platform.Constraint{When: platform.When{Lane: "canary"}, Forbid: write}, true},
		"every lane, whatever happens":    {platform.Constraint{Forbid: write}, true},
		"another lane":                    {platform.Constraint{When: platform.When{Lane: "stable"}, Forbid: write}, false},
		"only at night":                   {platform.Constraint{When: platform.When{Lane: "canary", Hours: terms.Hours{From: "22:00", To: "06:00"}}, Forbid: write}, false},
		"only for one role":               {platform.Constraint{When: platform.When{Lane: "canary", UserRole: "clerk"}, Forbid: write}, false},
		"only for one purpose":            {platform.Constraint{When: platform.When{Lane: "canary", Purpose: "x"}, Forbid: write}, false},
		"only one data class":             {platform.Constraint{When: platform.When{Lane: "canary"}, Forbid: platform.Forbid{Access: "write", DataClass: "PII"}}, false},
		"only some tools":                 {platform.Constraint{When: platform.When{Lane: "canary"}, Forbid: platform.Forbid{Access: "write", Tools: []string{"x"}}}, false},
		"forbidden reads":                 {platform.Constraint{When: platform.When{Lane: "canary"}, Forbid: platform.Forbid{Access: "read"}}, false},
		"nothing at all":                  {platform.Constraint{}, false},
		"every lane, for one data class":  {platform.Constraint{When: platform.When{DataClass: "PII"}, Forbid: write}, false},
		"forbidden everything, in effect": {platform.Constraint{When: platform.When{Lane: "canary"}, Forbid: platform.Forbid{}}, false},
	} {
		p := &platform.Platform{Constraints: []platform.Constraint{c.rule}}
		if got := p.ReadOnly(platform.Environment{}, "canary"); got != c.want {
			t.Errorf("%s: read-only is %v, want %v: its roles would have writes that a rule forbids, or lack ones it permits", name, got, c.want)
		}
		e := platform.Environment{Constraints: []platform.Constraint{c.rule}}
		if got := (&platform.Platform{}).ReadOnly(e, "canary"); got != c.want {
			t.Errorf("%s, said by the environment: read-only is %v, want %v", name, got, c.want)
		}
	}
}

func world() (*platform.Platform, platform.Environment) {
	e := platform.Environment{
		Name: "prod", Region: "us-east-1",
		Accounts: []platform.Account{{Purpose: "platform", ID: "111111111111"}, {Purpose: "lending", ID: "222222222222"}, {Purpose: "audit", ID: "333333333333"}},
		Targets:  []platform.Target{{Tool: "book", Reach: &platform.ReachTarget{Table: "t"}}, {Tool: "read"}, {Tool: "write"}},
		Lanes:    []platform.LaneSet{{Agent: "clerk", Lanes: []platform.Lane{{Name: "stable"}, {Name: "canary"}}}, {Agent: "reader", Lanes: []platform.Lane{{Name: "stable"}}}},
		Limits:   platform.Limits{Agents: []platform.AgentLimits{{Agent: "clerk", WallClock: terms.Span(time.Minute)}}},
	}
	p := &platform.Platform{
		Name:        "acme",
		Tools:       []platform.Tool{{Name: "write", Access: "write"}, {Name: "read", Access: "read"}, {Name: "book", Access: "read", Reach: &platform.Reach{Account: "lending"}}},
		Agents:      []platform.Agent{{Name: "clerk", Tools: []string{"book", "read", "write"}}, {Name: "reader", Tools: []string{"read"}}},
		Constraints: []platform.Constraint{{When: platform.When{Lane: "canary"}, Forbid: platform.Forbid{Access: "write"}}},
	}
	return p, e
}

func said(p *platform.Platform, e platform.Environment) string {
	var out []string
	for _, l := range p.Lanes(e) {
		line := l.Agent + "." + l.Lane + " in " + string(l.Account)
		if l.ReadOnly {
			line += " reads only"
		}
		for _, t := range l.Tools {
			line += " " + t.Name
		}
		out = append(out, line)
	}
	return strings.Join(out, "; ")
}

func TestLanesAreMadeOfWhatTheirAgentAndEnvironmentDeclare(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*platform.Platform, *platform.Environment)
		want   string
	}{
		"as declared": {func(*platform.Platform, *platform.Environment) {},
			"clerk.stable in 111111111111 write read book; clerk.canary in 111111111111 reads only read book; reader.stable in 111111111111 read"},
		"without a tool": {func(_ *platform.Platform, e *platform.Environment) { e.Without = []string{"read"} },
			"clerk.stable in 111111111111 write book; clerk.canary in 111111111111 reads only book; reader.stable in 111111111111"},
		"with a rule for all": {func(_ *platform.Platform, e *platform.Environment) {
			e.Constraints = []platform.Constraint{{Forbid: platform.Forbid{Tools: []string{"book"}}}}
		}, "clerk.stable in 111111111111 write read; clerk.canary in 111111111111 reads only read; reader.stable in 111111111111 read"},
		"with a rule for some hours": {func(_ *platform.Platform, e *platform.Environment) {
			e.Constraints = []platform.Constraint{{When: platform.When{UserRole: "x"}, Forbid: platform.Forbid{Tools: []string{"book"}}}}
		}, "clerk.stable in 111111111111 write read book; clerk.canary in 111111111111 reads only read book; reader.stable in 111111111111 read"},
		"without lanes": {func(_ *platform.Platform, e *platform.Environment) { e.Lanes = nil }, ""},
		"of an agent nobody declared": {func(_ *platform.Platform, e *platform.Environment) {
			e.Lanes = []platform.LaneSet{{Agent: "ghost", Lanes: []platform.Lane{{Name: "stable"}}}}
		}, "ghost.stable in 111111111111"},
	} {
		t.Run(name, func(t *testing.T) {
			p, e := world()
			c.change(p, &e)
			if got := said(p, e); got != c.want {
				t.Errorf("a lane would be given what it must not have, or lack what it needs\n  got  %s\n  want %s", got, c.want)
			}
		})
	}
}

func TestOnlyAccountsThatSomethingReachesAreTouched(t *testing.T) {
	p, e := world()
	purposes := func() (out []string) {
		for _, s := range p.Sites(e) {
			out = append(out, s.Purpose)
		}
		return out
	}
	if got := purposes(); !slices.Equal(got, []string{"platform", "lending"}) {
		t.Errorf("accounts with roles of ours: %v; audit is reached by nobody", got)
	}
	e.Without = []string{"book"}
	if got := purposes(); !slices.Equal(got, []string{"platform"}) {
		t.Errorf("nothing reaches lending any more, and roles would be made there: %v", got)
	}
}

func TestEachLaneReachesForItself(t *testing.T) {
	p, e := world()
	var got []string
	for _, r := range p.Reaches(e, "lending") {
		got = append(got, r.Agent+"."+r.Lane+" "+r.Tool.Name+" "+r.Target.Table)
	}
	if want := "clerk.stable book t, clerk.canary book t"; strings.Join(got, ", ") != want {
		t.Errorf("reaches into lending: %v, want %s", got, want)
	}
	if more := p.Reaches(e, "audit"); len(more) > 0 {
		t.Errorf("%d lanes reach audit, which no tool declares", len(more))
	}
	e.Targets[0].Reach = nil
	if more := p.Reaches(e, "lending"); len(more) > 0 {
		t.Errorf("%d lanes reach a tool that has no table here", len(more))
	}
}

func TestAnExecutionLastsAsLongAsItsAgentsLimit(t *testing.T) {
	p, e := world()
	for _, l := range p.Lanes(e) {
		want := time.Duration(0)
		if l.Agent == "clerk" {
			want = time.Minute
		}
		if got := l.WallClock(); got != want {
			t.Errorf("%s.%s lasts %s, want %s", l.Agent, l.Lane, got, want)
		}
	}
}

// What a metered limit cannot prevent is reserved with the execution, and known late; nothing of
// it is a brokered lane's.
func TestWhatMeteringCannotPreventIsPartOfWhatAnExecutionCosts(t *testing.T) {
	const role = "arn:aws:iam::111111111111:role/remit/acme-prod-writer-stable-execution"
	of := func(via string) (*platform.Platform, platform.Environment) {
		e := platform.Environment{Name: "prod", Region: "eu-west-1", Day: "UTC", Accounts: []platform.Account{{Purpose: "platform", ID: "111111111111"}}, ModelLogs: &platform.ModelLogs{Group: "/models"},
			Lanes:  []platform.LaneSet{{Agent: "writer", Lanes: []platform.Lane{{Name: "stable"}}}},
			Prices: platform.Prices{Models: []platform.ModelPrice{{Model: "a.m", Input: 3, Output: 15}}},
			Limits: platform.Limits{Agents: []platform.AgentLimits{{Agent: "writer", ToolCalls: 5, WallClock: terms.Span(time.Minute), Tokens: 1000, ModelCost: 200,
				Overshoot: &platform.Overshoot{Tokens: 70, Cost: 30, Delay: terms.Span(5 * time.Minute)}}}}}
		p := &platform.Platform{Name: "acme", Agents: []platform.Agent{{Name: "writer", Models: platform.Models{Via: via, IDs: []string{"a.m"}}}}, Environments: []platform.Environment{e}}
		return p, e
	}
	price := policy.Price{Input: 3, Output: 15, CacheRead: 3, CacheWrite: 3}
	for via, want := range map[string]struct {
		cost, late int64
		lanes      []policy.Metered
	}{
		"direct": {230, 300, []policy.Metered{{Role: role, Overshoot: map[string]int64{"tokens": 70, "model_cost": 30},
			Models: policy.Models{Format: policy.Format, Lane: terms.Lane{Platform: "acme", Environment: "prod", Agent: "writer", Name: "stable"}, Prices: map[string]policy.Price{"a.m": price}}}}},
		"broker": {200, 0, nil},
	} {
		p, e := of(via)
		lane := p.Lanes(e)[0]
		r := p.Registration(lane, "r", "g", "")
		if r.Caps[policy.Cost] != want.cost || r.Caps[policy.ModelCost] != 200 || r.Caps[policy.Tokens] != 1000 || r.Late != want.late {
			t.Errorf("%s: an execution takes %v, and is known after %d s", via, r.Caps, r.Late)
		}
		if got := p.Meter(e); !reflect.DeepEqual(got, policy.Meter{Format: policy.Format, Group: "/models", Day: "UTC", Lanes: want.lanes}) {
			t.Errorf("%s: the meter decides by %+v", via, got)
		}
	}
}

func TestWhatIsNotDeclaredIsNotFound(t *testing.T) {
	p, e := world()
	_, tool := p.Tool("ghost")
	_, agent := p.Agent("ghost")
	_, environment := p.Environment("ghost")
	_, target := e.Target("ghost")
	_, credential := e.Credential("ghost")
	if tool || agent || environment || target || credential || e.Bus("ghost") != "" {
		t.Error("something that nobody declared was found")
	}
}
