package cedar

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"remit/policy"
	"remit/terms"
)

var (
	noon  = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	night = time.Date(2026, 11, 23, 4, 30, 0, 0, time.UTC) // 23:30 in New York, 22:30 in Chicago
)

// claim is one tag as a token may bring it: what Cedar sees, nil where it is missing, and
// what of it the reference sees: nothing where identity refuses the token.
type claim struct {
	tag  types.Value
	says string
}

// misshapen is what a claim is when it is missing or no text.
func misshapen() []claim {
	return []claim{{}, {tag: types.Long(7)}, {tag: types.True}, {tag: types.NewSet(types.String("north"))}, {tag: types.NewRecord(types.RecordMap{})}}
}

func texts(words ...string) (out []claim) {
	for _, w := range words {
		out = append(out, claim{tag: types.String(w), says: w})
	}
	return out
}

// joined is roles_s as package identity writes it.
func joined(roles []string) types.String {
	return types.String("." + strings.Join(append(slices.Clone(roles), ""), "."))
}

func subsets(words []string) (out [][]string) {
	for bits := range 1 << len(words) {
		some := []string{}
		for i, w := range words {
			if bits&(1<<i) != 0 {
				some = append(some, w)
			}
		}
		out = append(out, some)
	}
	return out
}

// engine is a gateway's policy engine, and the two readings of the reference beside it.
type engine struct {
	gateway          string
	policies         *cedar.PolicySet
	bundle, hourless *policy.Bundle
}

func newEngine(t *testing.T, b policy.Bundle, gateway string, change func([]Policy) []Policy) engine {
	t.Helper()
	e := engine{gateway: gateway, policies: cedar.NewPolicySet(), bundle: loaded(t, b)}
	timeless := b
	timeless.Constraints = slices.DeleteFunc(slices.Clone(b.Constraints), func(c policy.Constraint) bool { return c.When.Hours != terms.Hours{} })
	e.hourless = loaded(t, timeless)
	policies := rendered(t, e.bundle, gateway)
	if change != nil {
		policies = change(policies)
	}
	for _, p := range policies {
		var parsed cedar.Policy
		if err := parsed.UnmarshalCedar([]byte(p.Statement)); err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		e.policies.Add(cedar.PolicyID(p.Name), &parsed)
	}
	return e
}

// point is one call in the world: who asks, through which lane's gateway, for what.
type point struct {
	lane            terms.Lane
	gateway         string
	tool, action    string
	tenant, purpose claim
	roles           []string    // as the reference sees them
	rolesTag        types.Value // as Cedar sees them
}

func (p point) String() string {
	return fmt.Sprintf("%s calls %s, tenant %v, purpose %v, roles_s %v", p.lane, p.action, p.tenant.tag, p.purpose.tag, p.rolesTag)
}

func (e engine) reference(b *policy.Bundle, p point, at time.Time) bool {
	args := map[string]any{}
	if tool := b.Tools[p.tool]; tool != nil && tool.Datum != nil {
		args[tool.Datum.Argument] = "a datum the tenant owns"
	}
	return b.Decide(policy.Request{User: terms.User{ID: "ana", Tenant: p.tenant.says, Roles: p.roles}, Lane: p.lane,
		Purpose: p.purpose.says, Tool: p.tool, Args: args, At: at}).Allowed()
}

func (e engine) decides(p point) (bool, []cedar.DiagnosticError) {
	tags := types.RecordMap{}
	for name, value := range map[types.String]types.Value{"tenant": p.tenant.tag, "purpose": p.purpose.tag, "roles_s": p.rolesTag} {
		if value != nil {
			tags[name] = value
		}
	}
	user := types.NewEntityUID("AgentCore::OAuthUser", "ana")
	decision, diagnostic := cedar.Authorize(e.policies, types.EntityMap{user: {UID: user, Tags: types.NewRecord(tags)}}, cedar.Request{
		Principal: user, Action: types.NewEntityUID("AgentCore::Action", types.String(p.action)),
		Resource: types.NewEntityUID("AgentCore::Gateway", types.String(p.gateway)), Context: types.NewRecord(types.RecordMap{"input": types.NewRecord(nil)})})
	return bool(decision), diagnostic.Errors
}

// disagrees says what is wrong with the engine's answer to one call, or nothing.
func (e engine) disagrees(p point) string {
	got, errs := e.decides(p)
	if want := e.reference(e.hourless, p, noon); got != want {
		return fmt.Sprintf("%v: the engine allows it: %v, the reference: %v", p, got, want)
	}
	if !got && e.reference(e.bundle, p, night) {
		return fmt.Sprintf("%v: the engine refuses by night what the reference allows", p)
	}
	_, isText := p.rolesTag.(types.String)
	_, hasTenant := p.tenant.tag.(types.String)
	if len(errs) > 0 && (isText || p.rolesTag == nil) && (hasTenant || p.tenant.tag == nil) {
		return fmt.Sprintf("%v: a policy read a claim without asking for it: %v", p, errs)
	}
	return ""
}

// caller is who calls: through which gateway and lane.
type caller struct {
	lane    terms.Lane
	gateway string
}

// whole is every call in the product of its parts: every set of user roles and every
// misshapen form of each claim.
func whole(callers []caller, tools map[string]string, purposes, roles []string, yield func(point)) {
	tenants := append(texts("north", "", "north.*"), misshapen()...)
	meant := append(texts(append(purposes, "", "no_purpose")...), misshapen()...)
	for _, c := range callers {
		for tool, action := range tools {
			for _, tenant := range tenants {
				for _, purpose := range meant {
					p := point{lane: c.lane, gateway: c.gateway, tool: tool, action: action, tenant: tenant, purpose: purpose}
					rolesOf(p, roles, yield)
				}
			}
		}
	}
}

func rolesOf(p point, roles []string, yield func(point)) {
	for _, some := range subsets(roles) {
		p.roles, p.rolesTag = some, joined(some)
		yield(p)
	}
	p.roles = nil
	for _, c := range misshapen() {
		p.rolesTag = c.tag
		yield(p)
	}
	for _, text := range []string{"", "*", ".*.", strings.Join(roles, " "), strings.Join(roles, "")} { // not as identity writes it
		p.rolesTag = types.String(text)
		yield(p)
	}
}

func TestTheEngineAgreesWithTheReferenceInTheWholeWorldOfBothCompanies(t *testing.T) {
	for _, name := range []string{"meridian", "lumen"} {
		p := company(t, name)
		points, allowed, engines := 0, 0, 0
		for _, environment := range p.Environments {
			var callers []caller
			for _, l := range p.Lanes(environment) {
				callers = append(callers, caller{l.Term(), arn(l)})
			}
			for _, l := range p.Lanes(environment) {
				e := newEngine(t, p.Bundle(l), arn(l), nil)
				tools := map[string]string{"": "", "no_tool": "no-tool___no_tool"}
				for _, tool := range p.Tools {
					tools[tool.Name] = strings.ReplaceAll(tool.Name, "_", "-") + "___" + tool.Name
				}
				roles := []string{"nobody"}
				for _, r := range p.UserRoles {
					roles = append(roles, r.Name)
				}
				engines++
				whole(callers, tools, p.Purposes, roles, func(at point) {
					points++
					if ok, _ := e.decides(at); ok {
						allowed++
					}
					if fault := e.disagrees(at); fault != "" {
						t.Fatalf("%s: %s", l.Term(), fault)
					}
				})
			}
		}
		t.Logf("%s: %d engines, %d calls compared, %d of them allowed", name, engines, points, allowed)
		if allowed == 0 {
			t.Errorf("%s: nothing was allowed, so nothing was compared", name)
		}
	}
}

// Words that are parts, prefixes and lookalikes of each other.
var (
	nearRoles    = []string{"lead", "team_lead", "lead_2", "team-lead", "lead-2", "Lead", "lea", "ead", "team", "lead_2-lead", "a", "a-a"}
	nearTools    = []string{"get", "get_it", "get-it", "it", "a_get", "get_it_2", "forget", "GET"}
	nearPurposes = []string{"sales", "sales_2", "pre-sales", "Sales", "sale"}
)

func pick(r *rand.Rand, words []string, least, most int) []string {
	out := slices.Clone(words)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out[:least+r.IntN(most-least+1)]
}

func one(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }

// anyBundle is a bundle as a declaration might make it, seeded.
func anyBundle(r *rand.Rand) (policy.Bundle, []string) {
	roles := pick(r, nearRoles, 3, 5)
	b := policy.Bundle{Format: policy.Format, Lane: terms.Lane{Platform: "acme", Environment: "dev", Agent: one(r, "desk", "front-desk"), Name: one(r, "stable", "canary")}, Day: "UTC",
		Callers: pick(r, roles, min(1, r.IntN(9)), len(roles)), Purposes: pick(r, nearPurposes, min(1, r.IntN(9)), 3), Tools: map[string]*policy.Tool{}, Constraints: []policy.Constraint{}}
	for _, name := range pick(r, nearTools, 1, 4) {
		tool := *small().Tools["file"]
		tool.Target, tool.Callers = strings.ReplaceAll(name, "_", "-"), pick(r, roles, min(1, r.IntN(9)), len(roles))
		tool.Access, tool.DataClass = terms.Access(one(r, "read", "write")), one(r, "PII", "PUBLIC")
		if r.IntN(3) == 0 {
			tool.Datum = &policy.Datum{Directory: "d", Argument: "id"}
		}
		b.Tools[name] = &tool
	}
	for i := range r.IntN(9) {
		b.Constraints = append(b.Constraints, anyConstraint(r, fmt.Sprint("c-", i), roles, b.Purposes))
	}
	return b, roles
}

func anyConstraint(r *rand.Rand, id string, roles, purposes []string) policy.Constraint {
	c := policy.Constraint{ID: id,
		When:   policy.When{Lane: one(r, "", "", "", "stable", "canary"), DataClass: one(r, "", "", "PII"), Access: terms.Access(one(r, "", "", "write")), Purpose: one(r, append(slices.Clone(purposes), "", "sal")...)},
		Forbid: policy.Forbid{Access: terms.Access(one(r, "", "", "read", "write")), DataClass: one(r, "", "", "", "PUBLIC")}}
	if r.IntN(3) > 0 {
		c.When.UserRoles = pick(r, roles, 1, 2)
		c.When.UserRole = c.When.UserRoles[0]
	}
	if r.IntN(6) == 0 {
		c.When.Hours = terms.Hours{From: "22:00", To: "06:00"}
	}
	if r.IntN(3) == 0 {
		c.Forbid.Tools = pick(r, nearTools, 1, 4)
	}
	return c
}

// around is every set of roles with every purpose, and every misshapen claim once with the
// roles that are allowed most.
func around(b policy.Bundle, roles []string, yield func(point)) {
	other := b.Lane
	other.Name = "other"
	tools := map[string]string{"no_tool": "no-tool___no_tool"}
	for name, tool := range b.Tools {
		tools[name] = tool.Target + "___" + name
	}
	for tool, action := range tools {
		p := point{lane: b.Lane, gateway: someGateway, tool: tool, action: action, tenant: texts("north")[0]}
		for _, p.purpose = range append(texts(append(b.Purposes, "", "sal")...), misshapen()...) {
			rolesOf(p, append(roles, "nobody"), yield)
		}
		for _, p.purpose = range texts(b.Purposes...) {
			p.roles, p.rolesTag = roles, joined(roles)
			for _, p.tenant = range append(texts("north", ""), misshapen()...) {
				yield(p)
			}
			p.tenant, p.lane, p.gateway = texts("north")[0], other, someGateway+"2"
			yield(p)
			p.lane, p.gateway = b.Lane, someGateway
		}
	}
}

func TestTheEngineAgreesWithTheReferenceForAThousandDeclarations(t *testing.T) {
	points, allowed, permits, forbids := 0, 0, 0, 0
	for seed := range uint64(1000) {
		b, roles := anyBundle(rand.New(rand.NewPCG(seed, 7)))
		policies := rendered(t, &b, someGateway)
		if err := invalid(t, &b, policies); err != nil {
			t.Fatalf("seed %d: AgentCore would refuse:\n%v", seed, err)
		}
		for _, p := range policies {
			if strings.HasPrefix(p.Statement, "permit") {
				permits++
			} else {
				forbids++
			}
		}
		e := newEngine(t, b, someGateway, nil)
		around(b, roles, func(p point) {
			points++
			if ok, _ := e.decides(p); ok {
				allowed++
			}
			if fault := e.disagrees(p); fault != "" {
				t.Fatalf("seed %d: %s", seed, fault)
			}
		})
	}
	t.Logf("1000 bundles, %d permits, %d forbids, %d calls compared, %d of them allowed", permits, forbids, points, allowed)
	if allowed*100 < points || forbids < 500 {
		t.Error("too little is allowed or forbidden for the comparison to mean anything")
	}
}

// What is planted must be found, or the agreement above proves nothing.
func TestEveryPlantedFaultIsFound(t *testing.T) {
	b := small()
	policies := rendered(t, &b, someGateway)
	found := func(what string, change func([]Policy) []Policy) {
		changed := change(slices.Clone(policies))
		if slices.Equal(changed, policies) {
			t.Errorf("%s: nothing was planted", what)
		}
		e := newEngine(t, b, someGateway, func([]Policy) []Policy { return changed })
		fault := invalid(t, &b, changed) != nil
		around(b, []string{"lead", "team_lead", "lead_2", "team_lead_2", "my_team_lead"}, func(p point) { fault = fault || e.disagrees(p) != "" })
		if !fault {
			t.Errorf("%s: nobody noticed", what)
		}
	}
	for i, p := range policies {
		found("without "+p.Name, func(all []Policy) []Policy { return slices.Delete(all, i, i+1) })
		for old, planted := range map[string]string{
			"___": "__", ".*\"": "*\"", "\"*.": "\"*", someGateway: someGateway + "x",
			`principal.hasTag("tenant") && `: "", `principal.hasTag("purpose") && `: "", `principal.hasTag("roles_s") && `: "",
			`!(principal.getTag("tenant") like "")`: `principal.getTag("tenant") != ""`,
		} {
			if strings.Contains(p.Statement, old) {
				found(fmt.Sprintf("%s with %q for %q", p.Name, planted, old), func(all []Policy) []Policy {
					all[i].Statement = strings.Replace(p.Statement, old, planted, 1)
					return all
				})
			}
		}
	}
}
