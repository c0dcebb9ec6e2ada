package test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"remit/grants"
	"remit/iam"
	"remit/iam/catalog"
	"remit/platform"
)

// The rules below are read from the worlds themselves, intended and synthesized, of every
// company and environment. They know what AWS accepts and what Remit promises; they do not
// know how grants makes a statement. Each rule returns its complaints as text, so that
// TestEveryIAMRuleSeesAPlantedFault can show that none of them is asleep.

// view is one environment's world, as it was intended or as its templates say it is.
type view struct {
	company, from string
	p             *platform.Platform
	e             platform.Environment
	w             iam.World
}

type rule func(v view) []string

// views is every world there is, made once per test binary.
func views(t testing.TB) []view {
	t.Helper()
	var out []view
	for _, company := range companies(t) {
		p, stacks := declared(t, company), stacksOf(t, company)
		for _, e := range places(p) {
			out = append(out,
				view{company, "intended", p, e, intended(p, e)},
				view{company, "synthesized", p, e, synthesizedWorld(t, p, e, stacks)})
		}
	}
	return out
}

var once struct {
	sync.Once
	views []view
}

func hold(t *testing.T, harm string, r rule) {
	t.Helper()
	once.Do(func() { once.views = views(t) })
	if len(once.views) == 0 {
		t.Fatal("no world was read, so nothing was shown")
	}
	for _, v := range once.views {
		for _, complaint := range r(v) {
			t.Errorf("%s\n  %s %s (%s): %s", harm, v.company, v.e.Name, v.from, complaint)
		}
	}
}

// said is a statement and where it is said: in a role's "trust" or "policy", in a "managed"
// policy, or in the resource policy of a CloudFormation type.
type said struct {
	where iam.ARN
	in    string
	s     iam.Statement
}

func (s said) String() string { return fmt.Sprintf("%s %s %s", s.where.Part(5), s.in, s.s.Sid) }

func statements(w iam.World) []said {
	var out []said
	add := func(where iam.ARN, in string, d iam.Document) {
		for _, s := range d.Statements {
			out = append(out, said{where, in, s})
		}
	}
	for _, r := range w.Roles {
		add(r.ARN, "trust", r.Trust)
		add(r.ARN, "policy", r.Policy)
	}
	for _, p := range w.Policies {
		add(p.ARN, p.Kind, p.Document)
	}
	return out
}

// actions is every action a statement names, wildcards expanded.
func actions(s iam.Statement) []string {
	var out []string
	for _, a := range s.Actions.Of {
		out = append(out, catalog.Expand(a)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// like matches IAM's * and ?. Run over a whole ARN it admits more than AWS does, so what it
// refuses, AWS refuses.
func like(pattern, text string) bool {
	row := make([]bool, len(text)+1)
	row[0] = true
	for _, c := range []byte(pattern) {
		next := make([]bool, len(text)+1)
		next[0] = row[0] && c == '*'
		for j := range len(text) {
			switch c {
			case '*':
				next[j+1] = row[j+1] || next[j]
			case '?':
				next[j+1] = row[j]
			default:
				next[j+1] = row[j] && text[j] == c
			}
		}
		row = next
	}
	return row[len(text)]
}

func TestEveryRoleIsHeldByABoundaryThatExistsBesideIt(t *testing.T) {
	hold(t, "A role without a boundary can be given anything, by anyone who may write its policy.", everyRoleIsHeld)
}

func everyRoleIsHeld(v view) (out []string) {
	exists := map[iam.ARN]bool{}
	for _, p := range v.w.Policies {
		exists[p.ARN] = p.Kind == "managed"
	}
	for _, r := range v.w.Roles {
		path := "policy" + platform.FencePath
		if strings.HasPrefix(r.ARN.Part(5), "role"+platform.BootstrapPath) {
			path = "policy" + platform.BootstrapPath
		}
		switch {
		case r.Boundary == "":
			out = append(out, fmt.Sprintf("%s has no boundary", r.ARN))
		case !strings.HasPrefix(r.Boundary.Part(5), path):
			out = append(out, fmt.Sprintf("the boundary of %s is %s, not on %s", r.ARN, r.Boundary, path))
		case r.Boundary.Account() != r.ARN.Account():
			out = append(out, fmt.Sprintf("the boundary of %s lives in another account: %s", r.ARN, r.Boundary))
		case !exists[r.Boundary]:
			out = append(out, fmt.Sprintf("the boundary of %s does not exist: %s", r.ARN, r.Boundary))
		}
		if len(r.Managed) > 0 {
			out = append(out, fmt.Sprintf("%s has policies attached whose text is elsewhere: %v", r.ARN, r.Managed))
		}
	}
	return out
}

var handle = regexp.MustCompile(`^[A-Za-z0-9]+$`)

func TestEveryStatementCanBeCitedAndSaysWhy(t *testing.T) {
	hold(t, "A statement that cannot be cited cannot be waived, found or explained.", everyStatementCanBeCited)
}

func everyStatementCanBeCited(v view) (out []string) {
	seen := map[string]bool{}
	for _, s := range statements(v.w) {
		if !handle.MatchString(s.s.Sid) {
			out = append(out, fmt.Sprintf("%s: Sid %q is not letters and digits", s, s.s.Sid))
		}
		if v.from == "intended" && strings.TrimSpace(s.s.Why) == "" {
			out = append(out, fmt.Sprintf("%s says no why", s))
		}
		if key := string(s.where) + " " + s.in + " " + s.s.Sid; seen[key] {
			out = append(out, fmt.Sprintf("%s: two statements share this Sid", s))
		} else {
			seen[key] = true
		}
		conditions := map[string]bool{}
		for _, c := range s.s.When {
			key := strings.ToLower(c.Op + " " + c.Key)
			if conditions[key] {
				out = append(out, fmt.Sprintf("%s: %s %s stands twice; as JSON the values become alternatives", s, c.Op, c.Key))
			}
			conditions[key] = true
		}
		if s.s.Actions.Not || s.s.Resources.Not || s.s.Principals.Not {
			out = append(out, fmt.Sprintf("%s is written with Not…, which grows with every new action and resource of AWS", s))
		}
	}
	return out
}

func TestEveryActionNamedIsOneThatAWSHas(t *testing.T) {
	hold(t, "An action that does not exist grants nothing and refuses nothing: the sentence is not true.", everyActionExists)
}

func everyActionExists(v view) (out []string) {
	for _, s := range statements(v.w) {
		if len(s.s.Actions.Of) == 0 {
			out = append(out, fmt.Sprintf("%s names no action", s))
		}
		for _, a := range s.s.Actions.Of {
			if strings.ContainsAny(a, "*?") {
				if catalog.Expand(a) == nil {
					out = append(out, fmt.Sprintf("%s: %s expands to nothing", s, a))
				}
				continue
			}
			if known, ok := catalog.Lookup(a); !ok || known.String() != a {
				out = append(out, fmt.Sprintf("%s: AWS has no action %s", s, a))
			}
		}
	}
	return out
}

// keysBesideTheCatalog are conditions on keys that AWS does not document for an action of
// the statement, and why the statement still means what it says.
var keysBesideTheCatalog = []struct{ sid, action, key, reason string }{
	{"TagsOfThisLane", "sts:SetSourceIdentity", "aws:TagKeys", "ForAllValues holds on a call without tags; only TagSession carries some"},
	{"TagsOfTheEntry", "sts:SetSourceIdentity", "aws:TagKeys", "as above"},
	{"TagReached", "sts:SetSourceIdentity", "aws:TagKeys", "as above"},
	{"TagMemory", "sts:SetSourceIdentity", "aws:TagKeys", "as above"},
}

func TestEveryConditionIsOnAKeyThatItsActionsSend(t *testing.T) {
	hold(t, "A condition on a key that AWS does not send makes an allow dead, or a refusal blind.", everyConditionIsSent)
}

func everyConditionIsSent(v view) (out []string) {
	for _, s := range statements(v.w) {
		for _, c := range s.s.When {
			if _, ok := catalog.Condition(c.Key); !ok {
				out = append(out, fmt.Sprintf("%s: AWS has no condition key %s", s, c.Key))
				continue
			}
			for _, a := range s.s.Actions.Of {
				sent := slices.ContainsFunc(catalog.Expand(a), func(a string) bool { return catalog.Accepts(a, c.Key) })
				if !sent && !besideTheCatalog(s, a, c.Key) {
					out = append(out, fmt.Sprintf("%s: %s does not send %s (%s)", s, a, c.Key, c.Op))
				}
			}
		}
	}
	return out
}

func besideTheCatalog(s said, action, key string) bool {
	for _, row := range keysBesideTheCatalog {
		if like(row.sid, s.s.Sid) && row.action == action && strings.EqualFold(row.key, key) {
			needed[row.reason+row.sid] = true
			return true
		}
	}
	return false
}

// everythingElsewhere are allows whose "*" is not everything, or whose actions AWS lets
// nobody narrow although they stand beside narrower ones.
var everythingElsewhere = []struct{ in, sid, action, reason string }{
	{"AWS::KMS::Key", "*", "*", "in a key policy * is the key itself"},
	{"policy", "FindLogs", "logs:DescribeLogGroups", "the service reference lists no resource, yet the execution policy in AWS's AgentCore guide narrows it to log-group:*"},
}

func TestAStarStandsOnlyWhereAWSKnowsNothingNarrower(t *testing.T) {
	hold(t, "A grant on everything is a grant on what nobody thought of.", starsAreForced)
}

func starsAreForced(v view) (out []string) {
	for _, s := range statements(v.w) {
		if s.s.Effect != iam.Allow || s.in == "trust" {
			continue
		}
		if len(s.s.Resources.Of) == 0 {
			out = append(out, fmt.Sprintf("%s names no resource", s))
		}
		star := slices.Contains(s.s.Resources.Of, "*")
		for _, named := range s.s.Actions.Of {
			if excused(s, named) {
				continue
			}
			for _, a := range catalog.Expand(named) {
				switch known, _ := catalog.Lookup(a); {
				case star && !known.WildcardOnly():
					out = append(out, fmt.Sprintf("%s: %s on *, and AWS knows narrower resources for it", s, a))
				case !star && known.WildcardOnly() && a == named:
					out = append(out, fmt.Sprintf("%s: %s knows no resource, so on %v it is dead", s, a, s.s.Resources.Of))
				}
			}
		}
	}
	return out
}

// needed notes which exceptions were used, by reason and Sid.
var needed = map[string]bool{}

func TestEveryExceptionIsStillNeeded(t *testing.T) {
	hold(t, "", func(v view) []string { starsAreForced(v); everyConditionIsSent(v); return nil })
	for _, row := range everythingElsewhere {
		if !needed[row.reason+row.sid] {
			t.Errorf("the exception for %s of %s excuses nothing any more; an exception nobody needs will one day excuse a fault. Remove it.", row.action, row.sid)
		}
	}
	for _, row := range keysBesideTheCatalog {
		if !needed[row.reason+row.sid] {
			t.Errorf("the exception for %s of %s excuses nothing any more; an exception nobody needs will one day excuse a fault. Remove it.", row.key, row.sid)
		}
	}
}

func excused(s said, action string) bool {
	for _, row := range everythingElsewhere {
		if row.in == s.in && like(row.sid, s.s.Sid) && like(row.action, action) {
			needed[row.reason+row.sid] = true
			return true
		}
	}
	return false
}

func TestNoGrantIsDead(t *testing.T) {
	hold(t, "A grant whose action and resource do not belong together works for nobody, and reads as if it did.", noGrantIsDead)
}

func noGrantIsDead(v view) (out []string) {
	for _, s := range statements(v.w) {
		if s.s.Effect != iam.Allow || s.in == "trust" || slices.Contains(s.s.Resources.Of, "*") {
			continue
		}
		for _, arn := range s.s.Resources.Of {
			if !slices.ContainsFunc(actions(s.s), func(a string) bool { return fits(a, arn) || excused(s, a) }) {
				out = append(out, fmt.Sprintf("%s: none of its actions works on %s", s, arn))
			}
		}
		for _, named := range s.s.Actions.Of {
			works := slices.ContainsFunc(catalog.Expand(named), func(a string) bool {
				return slices.ContainsFunc(s.s.Resources.Of, func(arn string) bool { return fits(a, arn) })
			})
			if !works && !excused(s, named) {
				out = append(out, fmt.Sprintf("%s: %s works on none of %v", s, named, s.s.Resources.Of))
			}
		}
	}
	return out
}

var symbol = regexp.MustCompile(`<[^>]*>`)

// fits reads a symbol, the id that CloudFormation will choose, as the catalog reads what is
// not known yet.
func fits(action, arn string) bool {
	return catalog.Fits(action, symbol.ReplaceAllLiteralString(arn, "${Id}"))
}

func TestEveryDocumentFitsItsQuota(t *testing.T) {
	hold(t, "AWS refuses a document over its quota, in the middle of a deployment.", everyDocumentFits)
}

func everyDocumentFits(v view) (out []string) {
	over := func(what string, size, most int) {
		if size > most {
			out = append(out, fmt.Sprintf("%s: %d characters, and AWS takes %d", what, size, most))
		}
	}
	for _, r := range v.w.Roles {
		over(string(r.ARN)+" name", len(r.ARN.Name()), 64)
		over(string(r.ARN)+" trust", r.Trust.Size(), 2048)
		over(string(r.ARN)+" policy", inline(v.w, r).Size(), 10240)
	}
	for _, p := range v.w.Policies {
		over(string(p.ARN), p.Document.Size(), map[string]int{"managed": 6144, "AWS::KMS::Key": 32768, "AWS::SQS::Queue": 8192, "AWS::ECR::Repository": 10240, "AWS::ECR::RegistryPolicy": 10240}[p.Kind]+map[bool]int{true: 20480}[strings.HasPrefix(p.Kind, "AWS::S3") || strings.HasPrefix(p.Kind, "AWS::BedrockAgentCore") || strings.HasPrefix(p.Kind, "AWS::Lambda")])
	}
	return out
}

// inline is what of a role's policy no attached policy of the world holds.
func inline(w iam.World, r iam.Role) iam.Document {
	out := r.Policy
	for _, p := range w.Policies {
		if p.Kind == "managed" && p.ARN != r.Boundary && holds(r.Policy, p.Document) {
			out.Statements = slices.DeleteFunc(slices.Clone(out.Statements), func(s iam.Statement) bool { return holds(p.Document, iam.Doc(s)) })
		}
	}
	return out
}

// holds reports whether every statement of a part is, by its Sid, one of the whole.
func holds(whole, part iam.Document) bool {
	return !slices.ContainsFunc(part.Statements, func(s iam.Statement) bool {
		return !slices.ContainsFunc(whole.Statements, func(o iam.Statement) bool { return o.Sid == s.Sid })
	})
}

// unsourced are services that take a role without saying for which resource, so that a
// condition on the source would lock them out.
var unsourced = map[string]string{
	"lambda.amazonaws.com":         "Lambda sends no source when it takes an execution role",
	"cloudformation.amazonaws.com": "CloudFormation sends none; iam:PassRole decides who hands it the role",

	"hooks.cloudformation.amazonaws.com": "nobody has written that hooks send one; who activates a hook hands it the role",
	"codepipeline.amazonaws.com":         "nobody has written that CodePipeline sends one; who changes a pipeline hands it the role",
}

func TestNobodyEntersARoleWhoIsNotPinned(t *testing.T) {
	hold(t, "A trust that names an account or a service without a pin lets in everyone there.", everyTrustIsPinned)
}

func everyTrustIsPinned(v view) (out []string) {
	for _, r := range v.w.Roles {
		for _, s := range r.Trust.Statements {
			at := said{r.ARN, "trust", s}
			if s.Effect != iam.Allow {
				continue
			}
			if s.Principals.IsZero() || len(s.Principals.Federated)+len(s.Principals.Other) > 0 {
				out = append(out, fmt.Sprintf("%s: unexpected principals %+v", at, s.Principals))
			}
			for _, who := range s.Principals.AWS {
				out = append(out, pinnedAccount(at, iam.ARN(who))...)
			}
			for _, service := range s.Principals.Service {
				out = append(out, pinnedService(at, service)...)
			}
		}
	}
	return out
}

func condition(s iam.Statement, op, key string) []string {
	for _, c := range s.When {
		if c.Op == op && strings.EqualFold(c.Key, key) {
			return c.Values
		}
	}
	return nil
}

func pinnedAccount(at said, who iam.ARN) (out []string) {
	pins := condition(at.s, "ArnEquals", "aws:PrincipalArn")
	if who.Part(5) != "root" || len(who.Account()) != 12 {
		return []string{fmt.Sprintf("%s: %s is not an account", at, who)}
	}
	if len(pins) == 0 {
		out = append(out, fmt.Sprintf("%s: everyone in account %s may enter", at, who.Account()))
	}
	for _, pin := range pins {
		if strings.ContainsAny(pin, "*?") || iam.ARN(pin).Part(1) != who.Part(1) || !strings.HasPrefix(iam.ARN(pin).Part(5), "role/") || !slices.Contains(at.s.Principals.AWS, accountRoot(pin)) {
			out = append(out, fmt.Sprintf("%s: %s does not pin one role of an account that it names", at, pin))
		}
	}
	if len(pins) > 0 && !slices.ContainsFunc(pins, func(pin string) bool { return accountRoot(pin) == string(who) }) {
		out = append(out, fmt.Sprintf("%s: no role of %s is pinned", at, who))
	}
	return out
}

func accountRoot(arn string) string {
	return "arn:" + iam.ARN(arn).Part(1) + ":iam::" + iam.ARN(arn).Account() + ":root"
}

func pinnedService(at said, service string) (out []string) {
	if unsourced[service] != "" {
		return nil
	}
	if service == "codebuild.amazonaws.com" {
		sources := condition(at.s, "ArnEquals", "aws:SourceArn")
		for _, source := range sources {
			if iam.ARN(source).Account() != at.where.Account() || strings.ContainsAny(source, "*?") || !strings.HasPrefix(iam.ARN(source).Part(5), "project/"+strings.Split(at.where.Name(), "-pipeline-")[0]+"-") {
				out = append(out, fmt.Sprintf("%s: CodeBuild may take it for %s", at, source))
			}
		}
		if len(sources) == 0 || !slices.Equal(condition(at.s, "StringEquals", "aws:SourceAccount"), []string{at.where.Account()}) {
			out = append(out, fmt.Sprintf("%s: CodeBuild may take it for any project", at))
		}
		return out
	}
	if service != "bedrock-agentcore.amazonaws.com" {
		return []string{fmt.Sprintf("%s: nothing is known of service %s", at, service)}
	}
	own := at.where.Account()
	if !slices.Equal(condition(at.s, "StringEquals", "aws:SourceAccount"), []string{own}) {
		out = append(out, fmt.Sprintf("%s: AgentCore may take it for another account", at))
	}
	sources := condition(at.s, "ArnLike", "aws:SourceArn")
	if len(sources) != 1 || iam.ARN(sources[0]).Account() != own || strings.Contains(sources[0], "*") {
		out = append(out, fmt.Sprintf("%s: AgentCore may take it for another resource: %v", at, sources))
	}
	return out
}

// ids are ids AgentCore could append to a name.
var ids = []string{"0123456789", "abcdefghij", "AbCdEfGhIj", "canary1234", "stable0000"}

// suffixes make sibling names out of declared ones.
var suffixes = []string{"2", "-2", "-b", "_b", "-canary", "-abcdefghij", "-0123456789", "-abcdefghij-0123456789", "abcdefghij"}

// siblings is every other lane of the environment and lanes nobody has declared yet.
func siblings(lanes []platform.Running, of platform.LaneSite) []platform.LaneSite {
	var out []platform.LaneSite
	for _, l := range lanes {
		if l.LaneSite != of {
			out = append(out, l.LaneSite)
		}
	}
	for _, suffix := range suffixes {
		lane, agent := of, of
		lane.Lane += suffix
		agent.Agent += suffix
		out = append(out, lane, agent)
	}
	for _, cut := range []int{1, 2} {
		shorter := of
		shorter.Lane = of.Lane[:len(of.Lane)-cut]
		out = append(out, shorter)
	}
	return out
}

func TestNoLanesPatternMatchesASibling(t *testing.T) {
	hold(t, "A role that also admits a sibling's runtime or gateway gives one lane another's identity.", noPatternMatchesASibling)
}

func noPatternMatchesASibling(v view) (out []string) {
	lanes := v.p.Lanes(v.e)
	for _, lane := range lanes {
		for kind, name := range map[string]func(platform.LaneSite) string{
			"execution": func(l platform.LaneSite) string { return l.ARN("bedrock-agentcore", "runtime/"+l.Runtime()) },
			"gateway": func(l platform.LaneSite) string {
				return l.ARN("bedrock-agentcore", "gateway/"+strings.ToLower(l.Gateway()))
			},
		} {
			r, ok := v.w.Role(iam.ARN(lane.LaneSite.Role(kind)).Name())
			if !ok {
				out = append(out, fmt.Sprintf("%s of %s is not in the world", kind, lane.Term()))
				continue
			}
			for _, pattern := range sourcePatterns(r) {
				if !like(pattern, name(lane.LaneSite)+"-"+ids[0]) {
					out = append(out, fmt.Sprintf("%s does not admit its own %s", r.ARN, name(lane.LaneSite)))
				}
				for _, other := range siblings(lanes, lane.LaneSite) {
					for _, id := range ids {
						if arn := name(other) + "-" + id; like(pattern, arn) {
							out = append(out, fmt.Sprintf("%s admits %s by %s", r.ARN, arn, pattern))
						}
					}
				}
			}
		}
	}
	return out
}

// sourcePatterns are the sources a role's trust admits.
func sourcePatterns(r iam.Role) []string {
	var out []string
	for _, s := range r.Trust.Statements {
		out = append(out, condition(s, "ArnLike", "aws:SourceArn")...)
	}
	return out
}

func TestNoLanesGrantReachesASiblingsLogsOrEngine(t *testing.T) {
	hold(t, "A lane that writes into a sibling's logs or asks its policy engine is not told apart from it.", noGrantReachesASibling)
}

func noGrantReachesASibling(v view) (out []string) {
	lanes := v.p.Lanes(v.e)
	for _, lane := range lanes {
		for _, kind := range []string{"execution", "gateway"} {
			r, _ := v.w.Role(iam.ARN(lane.LaneSite.Role(kind)).Name())
			for _, s := range r.Policy.Statements {
				for _, other := range siblings(lanes, lane.LaneSite) {
					for _, arn := range ownedBy(other) {
						if i := slices.IndexFunc(s.Resources.Of, func(p string) bool { return p != "*" && like(p, arn) }); i >= 0 {
							out = append(out, fmt.Sprintf("%s reaches %s of %s by %s", said{r.ARN, "policy", s}, arn, other.Term(), s.Resources.Of[i]))
						}
					}
				}
			}
		}
	}
	return out
}

// ownedBy is what AWS may come to call what belongs to a lane.
func ownedBy(l platform.LaneSite) (out []string) {
	for _, id := range ids {
		out = append(out,
			l.ARN("logs", "log-group:/aws/bedrock-agentcore/runtimes/"+l.Runtime()+"-"+id+"-"+l.Endpoint()+":log-stream:x"),
			l.ARN("bedrock-agentcore", "policy-engine/"+l.Engine()+"-"+id),
			l.ARN("bedrock-agentcore", "gateway/"+strings.ToLower(l.Gateway())+"-"+id),
			l.ARN("bedrock-agentcore", "workload-identity-directory/default/workload-identity/"+strings.ToLower(l.Gateway())+"-"+id),
			l.ARN("bedrock-agentcore", "runtime/"+l.Runtime()+"-"+id))
	}
	return append(out, l.FunctionARN("request"), l.FunctionARN("response"), l.FunctionARN("reach"))
}

var accountNumber = regexp.MustCompile(`\b[0-9]{12}\b`)

func TestNothingInAnEnvironmentNamesAnothersAccount(t *testing.T) {
	hold(t, "A role that names another environment's account is a way there, or will be.", noForeignAccount)
}

func noForeignAccount(v view) (out []string) {
	own := accountsOf()
	for _, a := range v.e.Accounts {
		own[string(a.ID)] = true
	}
	check := func(at, text string, also map[string]bool) {
		for _, id := range accountNumber.FindAllString(text, -1) {
			if !own[id] && !also[id] {
				out = append(out, fmt.Sprintf("%s names account %s", at, id))
			}
		}
	}
	for _, r := range v.w.Roles {
		check(string(r.ARN), string(r.ARN)+" "+string(r.Boundary), nil)
		check(string(r.ARN)+" policy", string(r.Policy.JSON()), reaches(v, r.ARN))
		check(string(r.ARN)+" trust", string(r.Trust.JSON()), comers(v, r))
	}
	for _, p := range v.w.Policies {
		check(string(p.ARN), string(p.ARN)+" "+p.Account+" "+string(p.Document.JSON()), reaches(v, p.ARN))
	}
	return out
}

// reaches are the accounts outside that a part is for: the steps that deploy, and their
// boundaries, enter environments; hooks check with the pipeline's keys, which let them; and what
// the pipeline builds is copied.
func reaches(v view, arn iam.ARN) map[string]bool {
	out := accountsOf()
	name := arn.Name()
	enters := strings.HasSuffix(name, "-pipeline-fence") || strings.HasSuffix(name, "-pipeline-deploy") || strings.HasSuffix(name, "-step-fence") || strings.HasSuffix(name, "-step-deploy")
	if v.e.Name == shared && (enters || arn.Part(2) == "kms") {
		for _, e := range v.p.Environments {
			for _, site := range v.p.Sites(e) {
				out[string(site.Account)] = e.Deploy.ByPipeline()
			}
		}
	}
	if pipeline := v.p.SharedSite(platform.Pipeline); strings.HasSuffix(name, "-hook") || arn.Part(2) == "ecr" {
		out[string(pipeline.Account)] = true
	}
	return out
}

// comers are the accounts outside that people may come from: whoever deploys takes the
// bootstrap's roles, whoever operates theirs.
func comers(v view, r iam.Role) map[string]bool {
	site := v.p.Site(v.e, platform.PlatformAccount)
	switch {
	case strings.HasPrefix(r.ARN.Part(5), "role"+platform.BootstrapPath):
		out := accountsOf(v.e.Deploy.People()...)
		if v.p.Shared != nil {
			for _, a := range v.p.Shared.Accounts {
				out[string(a.ID)] = true
			}
		}
		return out
	case v.e.Name == shared && strings.HasSuffix(r.ARN.Name(), "-approver"):
		return accountsOf(v.p.Shared.Pipeline.Approvers...)
	case v.e.Operations != nil && string(r.ARN) == site.Role("operator"):
		return accountsOf(v.e.Operations.Operators...)
	case v.e.Operations != nil && string(r.ARN) == site.Role("breakglass"):
		return accountsOf(v.e.Operations.Breakglass...)
	}
	return nil
}

func accountsOf(arns ...string) map[string]bool {
	out := map[string]bool{}
	for _, arn := range arns {
		out[iam.ARN(arn).Account()] = true
	}
	return out
}

func rolesOf(v view, l platform.LaneSite) (out []iam.Role) {
	for _, r := range v.w.Roles {
		for _, kind := range []string{"execution", "gateway", "request", "response", "memory", "reach", "reached"} {
			if r.ARN.Name() == l.Function(kind) {
				out = append(out, r)
			}
		}
	}
	return out
}

func TestALaneForbiddenWritesHasNoWayToWrite(t *testing.T) {
	seen := 0
	hold(t, "A canary that may not write, and can, writes in prod before anyone has approved it.", func(v view) []string {
		for _, lane := range v.p.Lanes(v.e) {
			if lane.ReadOnly {
				seen++
			}
		}
		return readOnlyLanesCannotWrite(v)
	})
	if seen == 0 {
		t.Error("no declared lane is forbidden writes, so nothing was shown")
	}
}

func readOnlyLanesCannotWrite(v view) (out []string) {
	for _, lane := range v.p.Lanes(v.e) {
		if !lane.ReadOnly {
			continue
		}
		writers := writeTargets(v)
		for _, r := range rolesOf(v, lane.LaneSite) {
			for _, s := range r.Policy.Statements {
				at := said{r.ARN, "policy", s}
				if slices.Equal(s.Resources.Of, []string{lane.TableARN(lane.Ledger())}) {
					continue // limits and records are nobody's data: a read is counted too
				}
				for _, a := range actions(s) {
					known, _ := catalog.Lookup(a)
					if data := known.Service == "dynamodb" || known.Service == "events" || known.Service == "s3" || known.Service == "sqs" || known.Service == "sns"; data && known.Access != "Read" && known.Access != "List" {
						out = append(out, fmt.Sprintf("%s: %s writes", at, a))
					}
				}
				for _, arn := range s.Resources.Of {
					if tool := writers[arn]; tool != "" && s.Effect == iam.Allow {
						out = append(out, fmt.Sprintf("%s: calls %s, which writes", at, tool))
					}
				}
			}
		}
	}
	return out
}

// writeTargets is what write tools resolve to, and read tools of the lane do not.
func writeTargets(v view) map[string]string {
	out := map[string]string{}
	for _, access := range []string{"write", "read"} {
		for _, tool := range v.p.Tools {
			target, _ := v.e.Target(tool.Name)
			if string(tool.Access) != access || target.Lambda == nil {
				continue
			}
			purpose := target.Lambda.Account
			if purpose == "" {
				purpose = platform.PlatformAccount
			}
			arn := v.p.Site(v.e, purpose).ARN("lambda", "function:"+target.Lambda.Function+":"+target.Lambda.Alias)
			if access == "write" {
				out[arn] = tool.Name
			} else {
				delete(out, arn)
			}
		}
	}
	return out
}

func TestBothHalvesOfEveryReachAreTheSameSentence(t *testing.T) {
	seen := 0
	hold(t, "Half a reach is a broken tool, or an open door on the other side.", func(v view) []string {
		for _, r := range v.w.Roles {
			if strings.HasSuffix(r.ARN.Name(), "-reached") {
				seen++
			}
		}
		return bothHalvesOfReach(v)
	})
	if seen == 0 {
		t.Error("no declared lane reaches another account, so nothing was shown")
	}
}

func bothHalvesOfReach(v view) (out []string) {
	for _, lane := range v.p.Lanes(v.e) {
		want := map[string]bool{} // reached roles the declaration implies
		for _, t := range lane.Tools {
			if t.Reach != nil {
				want[v.p.Site(v.e, t.Reach.Account).Role(lane.Agent, lane.Lane, "reached")] = true
			}
		}
		reach, ok := v.w.Role(lane.Function("reach"))
		if ok != (len(want) > 0) {
			out = append(out, fmt.Sprintf("%s: %d reached roles, and a reach role is %v", lane.Term(), len(want), ok))
		}
		for _, sid := range []string{"AssumeReached", "TagReached"} {
			if s, _ := bySid(reach.Policy, sid); ok && !maps.Equal(setOf(s.Resources.Of), want) {
				out = append(out, fmt.Sprintf("%s %s goes to %v, declared are %v", reach.ARN, sid, s.Resources.Of, slices.Sorted(maps.Keys(want))))
			}
		}
		for arn := range want {
			out = append(out, halves(v, lane, reach, iam.ARN(arn))...)
		}
	}
	for _, r := range v.w.Roles {
		if strings.HasSuffix(r.ARN.Name(), "-reached") && !slices.ContainsFunc(v.w.Roles, func(by iam.Role) bool {
			s, ok := bySid(by.Policy, "AssumeReached")
			return ok && slices.Contains(s.Resources.Of, string(r.ARN))
		}) {
			out = append(out, fmt.Sprintf("%s is reached by nobody", r.ARN))
		}
	}
	return out
}

func halves(v view, lane platform.Running, reach iam.Role, arn iam.ARN) (out []string) {
	i := slices.IndexFunc(v.w.Roles, func(r iam.Role) bool { return r.ARN == arn })
	if i < 0 {
		return []string{fmt.Sprintf("%s may take %s, which does not exist", reach.ARN, arn)}
	}
	reached := v.w.Roles[i]
	for _, pair := range []struct{ here, there, op, key string }{
		{"AssumeReached", "OnlyThisLane", "StringEquals", "sts:ExternalId"},
		{"TagReached", "TagsOfThisLane", "ForAllValues:StringEquals", "aws:TagKeys"},
	} {
		here, _ := bySid(reach.Policy, pair.here)
		there, _ := bySid(reached.Trust, pair.there)
		if !maps.Equal(setOf(here.Actions.Of), setOf(there.Actions.Of)) || len(here.Actions.Of) == 0 {
			out = append(out, fmt.Sprintf("%s does %v, and %s admits %v", reach.ARN, here.Actions.Of, arn, there.Actions.Of))
		}
		a, b := condition(here, pair.op, pair.key), condition(there, pair.op, pair.key)
		if !maps.Equal(setOf(a), setOf(b)) || len(a) == 0 {
			out = append(out, fmt.Sprintf("%s sends %s %v, and %s wants %v", reach.ARN, pair.key, a, arn, b))
		}
		direct := slices.ContainsFunc(lane.Tools, func(t platform.Tool) bool { return t.Reach != nil && t.Reach.Direct != nil })
		if pins := condition(there, "ArnEquals", "aws:PrincipalArn"); !slices.Contains(pins, string(reach.ARN)) || !direct && len(pins) != 1 {
			out = append(out, fmt.Sprintf("%s %s admits %v, and %s is who reaches it", arn, pair.there, pins, reach.ARN))
		}
	}
	return out
}

func bySid(d iam.Document, sid string) (iam.Statement, bool) {
	i := slices.IndexFunc(d.Statements, func(s iam.Statement) bool { return s.Sid == sid })
	if i < 0 {
		return iam.Statement{}, false
	}
	return d.Statements[i], true
}

func setOf(list []string) map[string]bool {
	out := map[string]bool{}
	for _, s := range list {
		out[s] = true
	}
	return out
}

func TestOnlyDeclaredModelsCanBeInvoked(t *testing.T) {
	via := map[string]int{}
	hold(t, "A model that can be called past the broker has no budget; one that was not declared has no price.", func(v view) []string {
		for _, lane := range v.p.Lanes(v.e) {
			via[lane.Actor.Models.Via]++
		}
		return onlyDeclaredModels(v)
	})
	if via["broker"] == 0 || via["direct"] == 0 {
		t.Errorf("lanes by way to their models: %v; both ways must be shown", via)
	}
}

func onlyDeclaredModels(v view) (out []string) {
	for _, lane := range v.p.Lanes(v.e) {
		want := map[string]bool{}
		if lane.Actor.Models.Via == "direct" {
			want = modelResources(lane)
		}
		for _, r := range rolesOf(v, lane.LaneSite) {
			got := map[string]bool{}
			for _, s := range r.Policy.Statements {
				if s.Effect == iam.Allow && slices.ContainsFunc(actions(s), isModelCall) {
					maps.Copy(got, setOf(s.Resources.Of))
				}
			}
			allowed := want
			if r.ARN.Name() != lane.Function("execution") {
				allowed = nil
			}
			if !maps.Equal(got, allowed) {
				out = append(out, fmt.Sprintf("%s may invoke %v; declared are %v", r.ARN, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(allowed))))
			}
			if lane.Actor.Models.Via == "broker" && boundaryInvokesModels(v, r) {
				out = append(out, fmt.Sprintf("the boundary of %s admits models, and its agent uses the broker", r.ARN))
			}
		}
	}
	return out
}

func isModelCall(a string) bool {
	return strings.HasPrefix(a, "bedrock:Invoke") || strings.HasPrefix(a, "bedrock:Converse")
}

func boundaryInvokesModels(v view, r iam.Role) bool {
	for _, p := range v.w.Policies {
		if p.ARN == r.Boundary {
			return slices.ContainsFunc(p.Document.Statements, func(s iam.Statement) bool {
				return s.Effect == iam.Allow && slices.ContainsFunc(actions(s), isModelCall)
			})
		}
	}
	return false
}

// modelResources are the ARNs the declared models and profiles of a direct agent have.
func modelResources(lane platform.Running) map[string]bool {
	out := map[string]bool{}
	model := func(region, id string) {
		out["arn:"+lane.Partition()+":bedrock:"+region+"::foundation-model/"+id] = true
	}
	for _, id := range lane.Actor.Models.IDs {
		model(lane.Region, id)
	}
	for _, profile := range lane.Actor.Models.Profiles {
		geography, id, _ := strings.Cut(profile, ".")
		out[lane.ARN("bedrock", "inference-profile/"+profile)] = true
		model(geography+"-*", id)
	}
	return out
}

// agentActions is all that an agent's own code may ever do, service by service.
var agentActions = map[string]string{
	"logs:CreateLogStream": "its own reports", "logs:DescribeLogStreams": "its own reports", "logs:PutLogEvents": "its own reports",
	"xray:PutTraceSegments": "its own traces", "xray:PutTelemetryRecords": "its own traces",
	"ecr:BatchGetImage": "its own image", "ecr:GetDownloadUrlForLayer": "its own image", "ecr:GetAuthorizationToken": "its own image",
	"dynamodb:DeleteItem": "its own memory", "dynamodb:GetItem": "its own memory", "dynamodb:PutItem": "its own memory", "dynamodb:Query": "its own memory", "dynamodb:UpdateItem": "its own memory",
	"kms:Decrypt": "its own memory", "kms:DescribeKey": "its own memory", "kms:GenerateDataKey": "its own memory",
	"events:PutEvents":    "declared event types",
	"bedrock:InvokeModel": "declared models", "bedrock:InvokeModelWithResponseStream": "declared models",
}

func TestAnAgentsOwnRoleDoesNothingButTheseThings(t *testing.T) {
	hold(t, "Whatever is on this role, code in the agent's machine can do it, prompted by anyone.", agentsDoOnlyTheirOwn)
}

func agentsDoOnlyTheirOwn(v view) (out []string) {
	for _, lane := range v.p.Lanes(v.e) {
		direct := slices.ContainsFunc(lane.Tools, func(t platform.Tool) bool { return t.Reach != nil && t.Reach.Direct != nil })
		r, ok := v.w.Role(lane.Function("execution"))
		if !ok {
			out = append(out, fmt.Sprintf("%s has no execution role", lane.Term()))
		}
		for _, s := range r.Policy.Statements {
			for _, a := range actions(s) {
				if agentActions[a] == "" && !(direct && (a == "sts:AssumeRole" || a == "sts:SetSourceIdentity" || a == "sts:TagSession")) {
					out = append(out, fmt.Sprintf("%s: %s", said{r.ARN, "policy", s}, a))
				}
			}
		}
	}
	return out
}

func TestEveryGrantIsWithinItsRolesBoundary(t *testing.T) {
	hold(t, "A grant that its role's boundary does not cover is refused by AWS, in silence, when it is needed.", grantsAreWithinBoundaries)
}

func grantsAreWithinBoundaries(v view) (out []string) {
	for _, r := range v.w.Roles {
		i := slices.IndexFunc(v.w.Policies, func(p iam.Policy) bool { return p.ARN == r.Boundary })
		if i < 0 {
			continue // everyRoleIsHeld says so
		}
		boundary := v.w.Policies[i].Document
		for _, s := range r.Policy.Statements {
			if s.Effect != iam.Allow {
				continue
			}
			for _, a := range s.Actions.Of {
				for _, arn := range s.Resources.Of {
					if why := strangled(boundary, s, a, arn); why != "" && works(a, arn) {
						out = append(out, fmt.Sprintf("%s: %s on %s: %s", said{r.ARN, "policy", s}, a, arn, why))
					}
				}
			}
		}
	}
	return out
}

// works leaves out pairs of a statement that no boundary could make useful.
func works(action, arn string) bool {
	return slices.ContainsFunc(catalog.Expand(action), func(a string) bool { return arn == "*" || fits(a, arn) })
}

// strangled says why a boundary makes a grant useless, or "".
func strangled(boundary iam.Document, grant iam.Statement, action, arn string) string {
	covers := func(s iam.Statement) bool {
		return slices.ContainsFunc(s.Actions.Of, func(p string) bool { return like(strings.ToLower(p), strings.ToLower(action)) }) &&
			slices.ContainsFunc(s.Resources.Of, func(p string) bool { return like(p, arn) })
	}
	why := "no statement of the boundary covers it"
	for _, s := range boundary.Statements {
		switch {
		case !covers(s):
		case s.Effect == iam.Deny && len(s.When) == 0:
			return "the boundary refuses it by " + s.Sid
		case s.Effect == iam.Allow && why != "":
			why = unsaid(s, grant)
		}
	}
	return why
}

// unsaid names a condition of the boundary that the grant does not itself make.
func unsaid(boundary, grant iam.Statement) string {
	for _, c := range boundary.When {
		if !slices.ContainsFunc(grant.When, func(g iam.Condition) bool { return implies(g, c) }) {
			return fmt.Sprintf("the boundary's %s wants %s %s %v, which the grant does not promise", boundary.Sid, c.Key, c.Op, c.Values)
		}
	}
	return ""
}

// implies: the same condition, or one that holds only where the wanted key is present.
func implies(g, want iam.Condition) bool {
	if !strings.EqualFold(g.Key, want.Key) {
		return false
	}
	if want.Op == "Null" && slices.Equal(want.Values, []string{"false"}) && (g.Op == "StringEquals" || g.Op == "StringLike" || g.Op == "ArnEquals") {
		return true
	}
	return g.Op == want.Op && slices.Equal(g.Values, want.Values)
}

// planted is a fault and the rule that must see it. A plant changes meridian's prod, or for
// a direct agent lumen's.
var planted = []struct {
	fault   string
	company string
	sees    rule
	plant   func(w *iam.World)
}{
	{"a role without a boundary", "meridian", everyRoleIsHeld, onRole("-execution", func(r *iam.Role) { r.Boundary = "" })},
	{"a boundary outside the fence", "meridian", everyRoleIsHeld, onRole("-request", func(r *iam.Role) { r.Boundary = "arn:aws:iam::333333333333:policy/remit/function" })},
	{"a lane's role under the bootstrap's boundary", "meridian", everyRoleIsHeld, onRole("stable-execution", func(r *iam.Role) {
		r.Boundary = "arn:aws:iam::333333333333:policy/remit/bootstrap/meridian-prod-bootstrap"
	})},
	{"a boundary that does not exist", "meridian", everyRoleIsHeld, onRole("-entry", func(r *iam.Role) { r.Boundary += "x" })},
	{"a boundary of another account", "meridian", everyRoleIsHeld, onRole("-reached", func(r *iam.Role) { r.Boundary = "arn:aws:iam::333333333333:policy/remit/fence/meridian-prod-reached" })},
	{"an attached AWS policy", "meridian", everyRoleIsHeld, onRole("-lookup", func(r *iam.Role) { r.Managed = []iam.ARN{"arn:aws:iam::aws:policy/ReadOnlyAccess"} })},
	{"a Sid with a hyphen", "meridian", everyStatementCanBeCited, on("-execution", "WriteTraces", func(s *iam.Statement) { s.Sid = "Write-Traces" })},
	{"no why", "meridian", everyStatementCanBeCited, on("-execution", "WriteTraces", func(s *iam.Statement) { s.Why = " " })},
	{"a Sid twice", "meridian", everyStatementCanBeCited, on("-execution", "WriteTraces", func(s *iam.Statement) { s.Sid = "PullOwnImage" })},
	{"a condition twice", "meridian", everyStatementCanBeCited, on("-memory", "UseMemoryKey", func(s *iam.Statement) { s.When = append(s.When, s.When...) })},
	{"NotAction", "meridian", everyStatementCanBeCited, on("-execution", "WriteTraces", func(s *iam.Statement) { s.Actions.Not = true })},
	{"an action AWS does not have", "meridian", everyActionExists, on("-memory", "RecallOneTenant", func(s *iam.Statement) { s.Actions = iam.Of("dynamodb:GetItems") })},
	{"an action in another spelling", "meridian", everyActionExists, on("-memory", "RecallOneTenant", func(s *iam.Statement) { s.Actions = iam.Of("dynamodb:getItem") })},
	{"a pattern of no action", "meridian", everyActionExists, on("-memory", "RecallOneTenant", func(s *iam.Statement) { s.Actions = iam.Of("dynamodb:Fetch*") })},
	{"a key AWS does not have", "meridian", everyConditionIsSent, on("-memory", "RecallOneTenant", func(s *iam.Statement) {
		s.When = append(s.When, iam.When("StringEquals", "dynamodb:LeadingKey", "x"))
	})},
	{"a key the action does not send", "meridian", everyConditionIsSent, on("-memory", "RecallOneTenant", func(s *iam.Statement) { s.Actions.Of = append(s.Actions.Of, "dynamodb:Scan") })},
	{"a refusal on a key nobody sends", "meridian", everyConditionIsSent, onPolicy("-execution", "NeverEscalate", func(s *iam.Statement) {
		s.When = []iam.Condition{iam.When("StringEquals", "dynamodb:LeadingKeys", "x")}
	})},
	{"memory on everything", "meridian", starsAreForced, on("-memory", "RecallOneTenant", func(s *iam.Statement) { s.Resources = iam.Of("*") })},
	{"traces on one thing", "meridian", starsAreForced, on("-execution", "WriteTraces", func(s *iam.Statement) { s.Resources = iam.Of("arn:aws:xray:us-east-1:333333333333:group/x/y") })},
	{"an action that does not fit", "meridian", noGrantIsDead, on("-memory", "RecallOneTenant", func(s *iam.Statement) { s.Actions.Of = append(s.Actions.Of, "s3:GetObject") })},
	{"a resource that does not fit", "meridian", noGrantIsDead, on("-memory", "RecallOneTenant", func(s *iam.Statement) {
		s.Resources.Of = append(s.Resources.Of, "arn:aws:sqs:us-east-1:333333333333:x")
	})},
	{"a policy that is too long", "meridian", everyDocumentFits, on("-memory", "RecallOneTenant", func(s *iam.Statement) { s.Sid = strings.Repeat("x", 10240) })},
	{"a boundary that is too long", "meridian", everyDocumentFits, onPolicy("-execution", "NeverEscalate", func(s *iam.Statement) { s.Sid = strings.Repeat("x", 6144) })},
	{"a trust that is too long", "meridian", everyDocumentFits, onTrust("-memory", func(s *iam.Statement) { s.Sid = strings.Repeat("x", 2048) })},
	{"a name that is too long", "meridian", everyDocumentFits, onRole("-execution", func(r *iam.Role) { r.ARN += iam.ARN(strings.Repeat("x", 64)) })},
	{"an account without a pin", "meridian", everyTrustIsPinned, onTrust("-reached", func(s *iam.Statement) { s.When = s.When[1:] })},
	{"a pin with a wildcard", "meridian", everyTrustIsPinned, onTrust("-reached", func(s *iam.Statement) {
		s.When = append([]iam.Condition{iam.When("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::333333333333:role/remit/*")}, s.When[1:]...)
	})},
	{"a role as the principal", "meridian", everyTrustIsPinned, onTrust("-reached", func(s *iam.Statement) { s.Principals.AWS = []string{"arn:aws:iam::333333333333:role/x"} })},
	{"everyone", "meridian", everyTrustIsPinned, onTrust("-reached", func(s *iam.Statement) { s.Principals.AWS = []string{"*"} })},
	{"AgentCore for another account", "meridian", everyTrustIsPinned, onTrust("-gateway", func(s *iam.Statement) { s.When = s.When[1:] })},
	{"AgentCore for any resource", "meridian", everyTrustIsPinned, onTrust("-gateway", func(s *iam.Statement) { s.When = s.When[:1] })},
	{"a service nobody thought of", "meridian", everyTrustIsPinned, onTrust("-gateway", func(s *iam.Statement) { s.Principals.Service = []string{"ec2.amazonaws.com"} })},
	{"a web identity", "meridian", everyTrustIsPinned, onTrust("-gateway", func(s *iam.Statement) { s.Principals.Federated = []string{"token.actions.githubusercontent.com"} })},
	{"a source that ends in *", "meridian", noPatternMatchesASibling, onTrust("stable-execution", func(s *iam.Statement) { loosen(s, "-??????????", "*") })},
	{"an id of any length", "meridian", noPatternMatchesASibling, onTrust("stable-gateway", func(s *iam.Statement) { loosen(s, "??????????", "*") })},
	{"a source that is not its own", "meridian", noPatternMatchesASibling, onTrust("stable-gateway", func(s *iam.Statement) { loosen(s, "meridian-prod", "meridian-dev") })},
	{"logs of every runtime", "meridian", noGrantReachesASibling, on("stable-execution", "WriteOwnLogs", func(s *iam.Statement) {
		s.Resources = iam.Of("arn:aws:logs:us-east-1:333333333333:log-group:/aws/bedrock-agentcore/runtimes/*")
	})},
	{"a sibling's interceptor", "meridian", noGrantReachesASibling, on("stable-gateway", "CallInterceptors", func(s *iam.Statement) {
		s.Resources = iam.Of("arn:aws:lambda:us-east-1:333333333333:function:meridian-prod-loan-processor-*")
	})},
	{"dev's account in prod", "meridian", noForeignAccount, on("-memory", "RecallOneTenant", func(s *iam.Statement) {
		s.Resources.Of = append(s.Resources.Of, "arn:aws:dynamodb:us-east-1:111111111113:table/x")
	})},
	{"dev's account in a key policy", "meridian", noForeignAccount, func(w *iam.World) {
		for i, p := range w.Policies {
			if p.Kind == "AWS::KMS::Key" {
				w.Policies[i].Document.Statements[0].Principals.AWS = []string{"arn:aws:iam::111111111113:root"}
			}
		}
	}},
	{"the pipeline in a lane's trust", "meridian", noForeignAccount, onTrust("-memory", func(s *iam.Statement) { s.Principals.AWS = []string{"arn:aws:iam::333333333301:root"} })},
	{"a canary that puts items", "meridian", readOnlyLanesCannotWrite, on("canary-memory", "RecallOneTenant", func(s *iam.Statement) { s.Actions.Of = append(s.Actions.Of, "dynamodb:PutItem") })},
	{"a canary that publishes", "meridian", readOnlyLanesCannotWrite, on("canary-execution", "WriteTraces", func(s *iam.Statement) { s.Actions.Of = append(s.Actions.Of, "events:PutEvents") })},
	{"a canary that calls a write tool", "meridian", readOnlyLanesCannotWrite, on("canary-gateway", "CallQueryRiskModel", func(s *iam.Statement) {
		s.Resources = iam.Of("arn:aws:lambda:us-east-1:333333333333:function:generate-recommendation:live")
	})},
	{"another external id", "meridian", bothHalvesOfReach, on("-reach", "AssumeReached", func(s *iam.Statement) { s.When = []iam.Condition{iam.When("StringEquals", "sts:ExternalId", "x")} })},
	{"another reached role", "meridian", bothHalvesOfReach, on("-reach", "AssumeReached", func(s *iam.Statement) { s.Resources.Of = []string{s.Resources.Of[0] + "x"} })},
	{"fewer actions on one side", "meridian", bothHalvesOfReach, on("-reach", "TagReached", func(s *iam.Statement) { s.Actions = iam.Of("sts:TagSession") })},
	{"more tags on one side", "meridian", bothHalvesOfReach, onRole("-reached", func(r *iam.Role) {
		changeIn(r.Trust, "TagsOfThisLane", func(s *iam.Statement) {
			s.When = append(s.When[:0:0], iam.When("ForAllValues:StringEquals", "aws:TagKeys", "admin", "execution", "tenant", "tool"))
		})
	})},
	{"another role at the door", "meridian", bothHalvesOfReach, onTrust("-reached", func(s *iam.Statement) {
		for i := range s.When {
			if s.When[i].Key == "aws:PrincipalArn" {
				s.When[i].Values = append(s.When[i].Values, "arn:aws:iam::333333333333:role/x")
			}
		}
	})},
	{"no reached role", "meridian", bothHalvesOfReach, without("-reached")},
	{"no reach role", "meridian", bothHalvesOfReach, without("-reach")},
	{"a model past the broker", "meridian", onlyDeclaredModels, on("-execution", "WriteTraces", func(s *iam.Statement) { s.Actions.Of = append(s.Actions.Of, "bedrock:InvokeModel") })},
	{"any bedrock action past the broker", "meridian", onlyDeclaredModels, on("-request", "WriteTraces", func(s *iam.Statement) { s.Actions.Of = append(s.Actions.Of, "bedrock:*") })},
	{"a boundary that admits models", "meridian", onlyDeclaredModels, onPolicy("-execution", "WriteTraces", func(s *iam.Statement) { s.Actions.Of = append(s.Actions.Of, "bedrock:InvokeModel") })},
	{"a model nobody declared", "lumen", onlyDeclaredModels, on("-execution", "InvokeDeclaredModels", func(s *iam.Statement) {
		s.Resources.Of = append(s.Resources.Of, "arn:aws:bedrock:us-east-1::foundation-model/other")
	})},
	{"a declared model that cannot be called", "lumen", onlyDeclaredModels, on("-execution", "InvokeDeclaredProfiles", func(s *iam.Statement) { s.Actions = iam.Of("xray:PutTraceSegments") })},
	{"an agent that calls a function", "meridian", agentsDoOnlyTheirOwn, on("-execution", "WriteTraces", func(s *iam.Statement) { s.Actions.Of = append(s.Actions.Of, "lambda:InvokeFunction") })},
	{"an agent that assumes a role", "meridian", agentsDoOnlyTheirOwn, on("-execution", "WriteTraces", func(s *iam.Statement) { s.Actions.Of = append(s.Actions.Of, "sts:AssumeRole") })},
	{"a grant the boundary does not cover", "meridian", grantsAreWithinBoundaries, on("-memory", "RecallOneTenant", func(s *iam.Statement) {
		s.Resources = iam.Of("arn:aws:dynamodb:us-east-1:333333333333:table/other")
	})},
	{"an action the boundary does not cover", "meridian", grantsAreWithinBoundaries, on("-memory", "RecallOneTenant", func(s *iam.Statement) { s.Actions = iam.Of("dynamodb:BatchGetItem") })},
	{"a grant the boundary refuses", "meridian", grantsAreWithinBoundaries, onPolicy("-memory", "NeverEscalate", func(s *iam.Statement) { s.Actions = iam.Of("dynamodb:*") })},
	{"a condition only the boundary makes", "meridian", grantsAreWithinBoundaries, onPolicy("-gateway", "CallFunctions", func(s *iam.Statement) {
		s.When = []iam.Condition{iam.When("StringEquals", "aws:ResourceTag/x", "y")}
	})},
}

func TestEveryIAMRuleSeesAPlantedFault(t *testing.T) {
	declarations := map[string]*platform.Platform{}
	for _, f := range planted {
		if declarations[f.company] == nil {
			declarations[f.company] = declared(t, f.company)
		}
		t.Run(f.fault, func(t *testing.T) {
			p := declarations[f.company]
			e, _ := p.Environment("prod")
			clean := view{f.company, "intended", p, e, grants.Intended(p, e.Name)}
			if complaints := f.sees(clean); len(complaints) > 0 {
				t.Fatalf("the rule complains before anything was planted: %s", complaints[0])
			}
			faulty := clean
			faulty.w = grants.Intended(p, e.Name)
			f.plant(&faulty.w)
			if len(iam.Diff(clean.w, faulty.w)) == 0 && f.fault != "no why" {
				t.Fatal("nothing was planted, so nothing was shown")
			}
			if len(f.sees(faulty)) == 0 {
				t.Errorf("the rule does not see %s: it would pass a world with that fault", f.fault)
			}
		})
	}
}

// onRole changes every role whose name ends so.
func onRole(suffix string, change func(*iam.Role)) func(*iam.World) {
	return func(w *iam.World) {
		for i := range w.Roles {
			if strings.HasSuffix(w.Roles[i].ARN.Name(), suffix) {
				change(&w.Roles[i])
			}
		}
	}
}

// on changes the statement of that Sid in the policies of roles whose name ends so.
func on(suffix, sid string, change func(*iam.Statement)) func(*iam.World) {
	return onRole(suffix, func(r *iam.Role) { changeIn(r.Policy, sid, change) })
}

func onTrust(suffix string, change func(*iam.Statement)) func(*iam.World) {
	return onRole(suffix, func(r *iam.Role) { change(&r.Trust.Statements[0]) })
}

func onPolicy(suffix, sid string, change func(*iam.Statement)) func(*iam.World) {
	return func(w *iam.World) {
		for _, p := range w.Policies {
			if strings.HasSuffix(p.ARN.Name(), suffix) {
				changeIn(p.Document, sid, change)
			}
		}
	}
}

func changeIn(d iam.Document, sid string, change func(*iam.Statement)) {
	for i := range d.Statements {
		if d.Statements[i].Sid == sid {
			change(&d.Statements[i])
		}
	}
}

func without(suffix string) func(*iam.World) {
	return func(w *iam.World) {
		w.Roles = slices.DeleteFunc(w.Roles, func(r iam.Role) bool { return strings.HasSuffix(r.ARN.Name(), suffix) })
	}
}

func loosen(s *iam.Statement, old, by string) {
	for i, c := range s.When {
		if c.Key == "aws:SourceArn" {
			s.When[i].Values = []string{strings.Replace(c.Values[0], old, by, 1)}
		}
	}
}
