package load

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"remit/platform"
	"remit/terms"
)

func (c *checker) environment(e platform.Environment) {
	at := "environments." + e.Name + "."
	c.reserved(at)
	if e.Accounts != nil && !slices.Contains(accountPurposes(e), platform.PlatformAccount) {
		c.say("unknown-account", at+"accounts", "has no platform account, where agents run", "add platform: with an account id")
	}
	c.accountsDiffer(at, e)
	c.allKnown("unknown-tool", "tool", at+"without", e.Without, c.toolNames())
	seen := map[string]string{}
	for i, k := range c.p.Constraints {
		seen[k.ID] = fmt.Sprintf("constraints[%d].id", i)
	}
	c.constraints(e.Constraints, at+"constraints", seen)
	c.data(at, e)
	c.deploy(at, e)
	c.operations(at, e)
	c.identity(at, e)
	c.network(at, e)
	c.credentials(at, e)
	c.targets(at, e)
	c.lanes(at, e)
	c.limits(at, e)
	if e.ModelLogs != nil && !slices.ContainsFunc(c.p.Lanes(e), platform.Running.Metered) {
		c.say("unused", at+"model_logs", "is read for agents that use models directly, and none runs here", "remove it")
	}
	c.rehearses(at, e)
}

// accountsDiffer: one account for two purposes would hold two bootstraps of one name, and
// what a resource account keeps apart from the agents would not be apart.
func (c *checker) accountsDiffer(at string, e platform.Environment) {
	first := map[terms.AccountID]string{}
	for _, a := range e.Accounts {
		if earlier, twice := first[a.ID]; twice && a.ID != "" {
			c.sayAlso("account-used-twice", at+"accounts."+a.Purpose, fmt.Sprintf("account %s already serves as %s", a.ID, earlier), "each purpose has its own account", at+"accounts."+earlier)
			continue
		}
		first[a.ID] = a.Purpose
	}
}

func accountPurposes(e platform.Environment) []string {
	return names(e.Accounts, func(a platform.Account) string { return a.Purpose })
}

func busNames(e platform.Environment) []string {
	return names(e.Buses, func(b platform.Bus) string { return b.Name })
}

// reservedKeys are known to the language, so that nothing else takes their place.
var reservedKeys = []string{"existing", "enforcement"}

func (c *checker) reserved(at string) {
	for _, key := range reservedKeys {
		if _, given := c.p.Places[at+key]; given {
			c.say("reserved-key", at+key, "is reserved and does nothing yet, so it is refused", "remove it")
		}
	}
}

func (c *checker) data(at string, e platform.Environment) {
	switch {
	case e.Data.Kind == "anonymised" && e.Data.Attestation == nil:
		c.say("no-attestation", at+"data", "anonymised data needs an attestation", "say which job anonymised it, when, who answers for it, and its report's digest")
	case e.Data.Attestation != nil:
		c.known("unknown-team", "team", at+"data.attestation.owner", e.Data.Attestation.Owner, c.teamNames())
	}
	if len(e.Data.Users)+len(e.Data.Directories) > 0 && e.Data.Kind != "synthetic" && e.Data.Kind != "" {
		c.say("mock-with-data", at+"data", "invented users and owners have no place beside "+e.Data.Kind+" data", "remove them, or declare data.kind synthetic")
	}
	for _, u := range e.Data.Users {
		c.allKnown("unknown-user-role", "user role", at+"data.users."+u.Name+".roles", u.Roles, c.roleNames())
	}
	if e.Audit.Debug && e.Data.Kind != "synthetic" && e.Data.Kind != "" {
		c.say("debug-with-data", at+"audit.debug", "full debug logging would write "+e.Data.Kind+" data to logs", "set debug: false")
	}
}

func (c *checker) deploy(at string, e platform.Environment) {
	c.otherEnvironment(at+"deploy.from", e, e.Deploy.From)
	c.ordered(at, e)
	if slices.Contains(e.Deploy.By, platform.Pipeline) {
		if c.p.SharedSite(platform.Pipeline).Account == "" {
			c.say("unknown-account", at+"deploy.by", "the pipeline has no account", "declare shared.accounts.pipeline in "+platformFile)
		}
	}
	if e.Deploy.ByPipeline() && !e.Deploy.OnlyPipeline() && (len(e.Deploy.Approvers) > 0 || e.Evaluation != nil) {
		c.say("bad-deploy", at+"deploy.by", "lets people past the approvers and the evaluation that the pipeline waits for", "keep the word pipeline alone, or declare neither deploy.approvers nor evaluation")
	}
	for i, principal := range e.Deploy.By {
		if principal != "" && principal != platform.Pipeline && !iamRole.MatchString(principal) {
			c.say("bad-deploy", fmt.Sprintf("%sdeploy.by[%d]", at, i), "must be the word pipeline or an IAM role's ARN", "such as arn:aws:iam::111122223333:role/Developer")
		}
	}
}

// pipeline: people come by roles, the connection is the pipeline's own, and nobody evaluates what
// they wrote in the same repository.
func (c *checker) pipeline() {
	if c.p.Shared == nil || c.p.Shared.Pipeline == nil {
		return
	}
	d, account := c.p.Shared.Pipeline, string(c.p.SharedSite(platform.Pipeline).Account)
	if account == "" {
		c.say("unknown-account", "shared.pipeline", "the pipeline has no account", "declare shared.accounts.pipeline")
	}
	if parts := strings.Split(d.Connection, ":"); account != "" && len(parts) > 4 && parts[4] != account {
		c.say("bad-pipeline", "shared.pipeline.connection", "is of account "+cut(parts[4])+", and the pipeline's is "+account, "make the connection in the pipeline's account")
	}
	if d.Repository != "" && d.Evaluation.Repository == d.Repository {
		c.say("bad-pipeline", "shared.pipeline.evaluation.repository", "is the repository that is evaluated, so whoever changes an agent changes how it is measured", "keep what evaluates in a repository of its own")
	}
	for i, principal := range d.Approvers {
		if principal != "" && !iamRole.MatchString(principal) {
			c.say("bad-pipeline", fmt.Sprintf("shared.pipeline.approvers[%d]", i), "must be an IAM role's ARN", "such as arn:aws:iam::111122223333:role/Approver")
		}
	}
}

// operations: a list names roles of people. A user's key never expires, and an account's root is
// everyone in it.
func (c *checker) operations(at string, e platform.Environment) {
	if e.Operations == nil {
		return
	}
	for list, arns := range map[string][]string{"operators": e.Operations.Operators, "breakglass": e.Operations.Breakglass} {
		for i, principal := range arns {
			if principal != "" && !iamRole.MatchString(principal) {
				c.say("bad-operations", fmt.Sprintf("%soperations.%s[%d]", at, list, i), "must be an IAM role's ARN", "such as arn:aws:iam::111122223333:role/Operator")
			}
		}
	}
}

func (c *checker) otherEnvironment(path string, e platform.Environment, word string) bool {
	if word == e.Name {
		c.say("unknown-environment", path, "names the environment itself", "name another one")
		return false
	}
	return c.known("unknown-environment", "environment", path, word, slices.DeleteFunc(c.environmentNames(), func(n string) bool { return n == e.Name }))
}

// ordered: bounds that come in pairs are in order, and scores have somewhere to be earned.
func (c *checker) ordered(at string, e platform.Environment) {
	if e.Evaluation != nil && e.Deploy.From == "" {
		c.say("bad-deploy", at+"evaluation", "asks for scores, but no version comes from another environment", "declare deploy.from")
	}
	if e.Evaluation != nil && e.Evaluation.Drift != nil && e.Evaluation.Drift.Warn > e.Evaluation.Drift.Block {
		c.say("bad-value", at+"evaluation.drift.warn", "warns only above what is refused", "warn below block")
	}
	if week, baseline := 7*24*time.Hour, time.Duration(e.Anomaly.Baseline); baseline%week != 0 || baseline > 4*week {
		c.say("bad-value", at+"anomaly.baseline", "is not whole weeks, and an hour is compared with the same hour of the week", "7d, 14d, 21d or 28d")
	}
	if e.Anomaly.AlertAbove != 0 && e.Anomaly.AlertAbove <= 100 {
		c.say("bad-value", at+"anomaly.alert_above", "alerts for what is usual", "say more than 100%, such as 150%")
	}
	if e.Anomaly.ThrottleAbove != 0 && e.Anomaly.ThrottleAbove < e.Anomaly.AlertAbove {
		c.say("bad-value", at+"anomaly.throttle_above", "throttles before it alerts", "throttle above what alerts")
	}
}

func (c *checker) identity(at string, e platform.Environment) {
	for claim, role := range e.Identity.Claims.UserRoles.Map {
		c.known("unknown-user-role", "user role", at+"identity.claims.user_roles.map."+claim, role, c.roleNames())
	}
	if a := e.Identity.Approvals; a != nil && a.Audience != "" && a.Audience == e.Identity.Audience {
		c.say("bad-approvals", at+"identity.approvals.audience", "is the audience that opens executions, so any application's token would approve", "have the issuer give approvals an audience of their own")
	}
}

// network: a sensitive class that any lane here touches keeps its runtime off the public network.
func (c *checker) network(at string, e platform.Environment) {
	switch {
	case c.refused(at + "network"):
	case e.Network.Mode == "vpc" && (len(e.Network.Subnets) == 0 || len(e.Network.SecurityGroups) == 0):
		c.say("bad-network", at+"network", "mode vpc needs subnets and security_groups", "name both")
	case e.Network.Mode == "public" && len(e.Network.Subnets)+len(e.Network.SecurityGroups) > 0:
		c.say("bad-network", at+"network", "mode public does not use subnets and security_groups", "say mode: vpc, or remove them")
	}
	if e.Network.Mode != "public" || e.Data.Kind == "synthetic" {
		return
	}
	for _, lane := range c.p.Lanes(e) {
		for _, t := range lane.Tools {
			class, _ := find(c.p.DataClasses, func(d platform.DataClass) bool { return d.Name == t.DataClass })
			if class.Sensitive {
				c.sayAlso("sensitive-on-public-network", at+"network.mode", fmt.Sprintf("%s uses %s, whose data class %s is sensitive", cut(lane.Agent), cut(t.Name), cut(class.Name)), "use mode: vpc with subnets and security groups", "tools."+t.Name+".data_class")
				return
			}
		}
	}
}

func find[T any](list []T, is func(T) bool) (T, bool) {
	if i := slices.IndexFunc(list, is); i >= 0 {
		return list[i], true
	}
	var none T
	return none, false
}

func (c *checker) credentials(at string, e platform.Environment) {
	for _, k := range e.Credentials {
		if !slices.ContainsFunc(e.Targets, func(t platform.Target) bool { return t.Credential == k.Name }) {
			c.say("unused", at+"credentials."+k.Name, "is used by no target", "name it in a target, or remove it; a secret nobody uses is only a risk")
		}
		c.known("unknown-team", "team", at+"credentials."+k.Name+".owner", k.Owner, c.teamNames())
	}
}

func (c *checker) targets(at string, e platform.Environment) {
	for _, t := range e.Targets {
		path := at + "targets." + t.Tool
		c.known("unknown-tool", "tool", path, t.Tool, c.toolNames())
		if slices.Contains(e.Without, t.Tool) {
			c.sayAlso("unused", path, "is never called: the environment does without this tool", "remove the target, or the name in without", at+"without")
		}
		c.known("unknown-credential", "credential", path+".credential", t.Credential, names(e.Credentials, func(k platform.Credential) string { return k.Name }))
		c.targetKind(path, t)
		c.targetAccounts(path, e, t)
		if t.Mock != nil && e.Data.Kind != "synthetic" && e.Data.Kind != "" {
			c.say("mock-with-data", path+".mock", "a mock reply has no place beside "+e.Data.Kind+" data", "remove it, or declare data.kind synthetic")
		}
	}
}

func (c *checker) targetKind(path string, t platform.Target) {
	kinds := 0
	for _, given := range []bool{t.Lambda != nil, t.APIGateway != nil, t.OpenAPI != nil, t.MCPServer != nil, t.Reach != nil} {
		if given {
			kinds++
		}
	}
	if kinds != 1 {
		if !c.refused(path) {
			c.say("bad-target", path, fmt.Sprintf("names %d places to call; a target is one", kinds), "write exactly one of lambda, api_gateway, openapi, mcp_server, reach")
		}
		return
	}
	tool, declared := c.p.Tool(t.Tool)
	if !declared {
		return
	}
	switch {
	case t.APIGateway != nil:
		c.pathArguments(path+".api_gateway.operation", tool, t.APIGateway.Operation)
	case t.OpenAPI != nil:
		c.pathArguments(path+".openapi.operation", tool, t.OpenAPI.Operation)
	}
	switch {
	case t.Credential != "" && (t.Lambda != nil || t.Reach != nil):
		c.say("bad-target", path+".credential", "is never used: functions and reaches are called as the lane's own role", "remove it")
	case tool.Reach == nil && t.Reach != nil, tool.Reach != nil && t.Reach == nil:
		c.sayAlso("bad-target", path, "a reach target and a tool with reach belong together", "give both a reach, or neither", "tools."+t.Tool)
	case t.Reach == nil, c.refused("tools." + t.Tool + ".reach"), c.refused(path + ".reach"):
	case grantsTable(tool.Reach) && (t.Reach.Table == "" || t.Reach.API+t.Reach.Stage != ""),
		grantsAPI(tool.Reach) && (t.Reach.Table != "" || t.Reach.API == "" || t.Reach.Stage == ""):
		c.sayAlso("bad-target", path+".reach", "must name the table, or the api and stage, that the tool's reach grants", "actions need table; operations need api and stage", "tools."+t.Tool+".reach")
	}
}

func (c *checker) targetAccounts(path string, e platform.Environment, t platform.Target) {
	if t.Lambda != nil {
		c.known("unknown-account", "account", path+".lambda.account", t.Lambda.Account, accountPurposes(e))
	}
	if t.APIGateway != nil {
		c.known("unknown-account", "account", path+".api_gateway.account", t.APIGateway.Account, accountPurposes(e))
	}
	tool, _ := c.p.Tool(t.Tool)
	if tool.Reach != nil && tool.Reach.Account != "" && e.Accounts != nil && !slices.Contains(accountPurposes(e), tool.Reach.Account) {
		c.sayAlso("unknown-account", path, fmt.Sprintf("its tool reaches into account %q, which %s does not have", cut(tool.Reach.Account), e.Name),
			"declare accounts."+cut(tool.Reach.Account)+" here", "tools."+t.Tool+".reach.account")
	}
}

func (c *checker) lanes(at string, e platform.Environment) {
	for _, set := range e.Lanes {
		path := at + "lanes." + set.Agent
		if !c.known("unknown-agent", "agent", path, set.Agent, c.agentNames()) {
			continue
		}
		agent, _ := c.p.Agent(set.Agent)
		for _, lane := range set.Lanes {
			if at := path + "." + lane.Name; !c.refused(at) {
				c.known("unknown-lane", "lane", at, lane.Name, c.p.LaneNames)
			}
		}
		c.shares(path, set)
		c.residency(path, e, agent)
		c.resolved(path, e, agent)
		c.priced(path, e, agent)
		c.metered(path, e, agent)
		if !slices.ContainsFunc(e.Limits.Agents, func(l platform.AgentLimits) bool { return l.Agent == set.Agent }) {
			c.say("no-limit", path, "runs here without limits", "declare limits.agents."+set.Agent)
		}
	}
}

// metered: what an agent uses directly is known from the account's own logs alone, and late.
func (c *checker) metered(path string, e platform.Environment, a platform.Agent) {
	if a.Models.Via != "direct" {
		return
	}
	if e.ModelLogs == nil && !c.refused("environments."+e.Name+".model_logs") {
		c.sayAlso("no-model-logs", path, fmt.Sprintf("uses models directly, and %s does not say where their invocations are logged", e.Name),
			"have the account's owner turn on Bedrock's model invocation logging to CloudWatch Logs (put-model-invocation-logging-configuration), and declare model_logs: {group: …}; or use via: broker", "agents."+a.Name+".models.via")
	}
	for _, l := range e.Limits.Agents {
		if at := "environments." + e.Name + ".limits.agents." + l.Agent; l.Agent == a.Name && l.Overshoot == nil && !c.refused(at) {
			c.sayAlso("no-overshoot", at, "caps an agent that uses models directly, whose usage is known late", "declare overshoot: {tokens: …, cost: … USD, delay: 5m}; or use via: broker", "agents."+a.Name+".models.via")
		}
	}
}

// residency: a profile routes requests to regions of its own geography, so one of another
// geography would take an environment's data abroad.
func (c *checker) residency(path string, e platform.Environment, a platform.Agent) {
	if a.Models.Via != "direct" {
		return
	}
	for i, profile := range a.Models.Profiles {
		geography, _, _ := strings.Cut(profile, ".")
		if region := regionGeography(e.Region); e.Region != "" && geography != region {
			c.sayAlso("foreign-profile", path, fmt.Sprintf("profile %s sends requests to regions of %q, and %s is in %s", cut(profile), geography, e.Name, e.Region),
				"declare a profile of the environment's own geography", fmt.Sprintf("agents.%s.models.profiles[%d]", a.Name, i))
		}
	}
}

// regionGeography is the profile prefix that keeps requests near a region.
func regionGeography(region string) string {
	switch {
	case strings.HasPrefix(region, "us-gov-"):
		return "us-gov"
	case strings.HasPrefix(region, "ap-"):
		return "apac"
	}
	geography, _, _ := strings.Cut(region, "-")
	return geography
}

// shares: lanes without a share divide what is left, so something must be left for them.
func (c *checker) shares(path string, set platform.LaneSet) {
	if c.refused(path) {
		return
	}
	if len(set.Lanes) == 0 {
		c.say("bad-share", path, "has no lane, so no user is served", "declare a lane, or remove the agent here")
		return
	}
	total, rest := 0, 0
	for _, lane := range set.Lanes {
		total += int(lane.Share)
		if lane.Share == 0 {
			rest++
		}
		given := path + "." + lane.Name + ".share"
		if _, zero := c.p.Places[given]; zero && lane.Share == 0 {
			c.say("bad-share", given, "0% would not stop the lane: without a share it serves the rest", "remove the lane, or remove its share")
			return
		}
	}
	if total > 100 || rest > 1 || rest == 0 && total != 100 || rest == 1 && total == 100 {
		c.say("bad-share", path, fmt.Sprintf("the shares make %d%%, and %d of %d lanes serve the rest", total, rest, len(set.Lanes)), "exactly one lane has no share and serves the rest, or all shares make 100%")
	}
}

// resolved: every tool of a lane has a target, its buses have names.
func (c *checker) resolved(path string, e platform.Environment, a platform.Agent) {
	for _, t := range c.p.ToolsOf(a, e) {
		if _, ok := e.Target(t.Name); !ok {
			c.sayAlso("no-target", path, fmt.Sprintf("tool %s has no target in %s", cut(t.Name), e.Name), "declare targets."+cut(t.Name)+", or name it in without", "tools."+t.Name)
		}
		if t.Confirmation != nil && e.Identity.Approvals == nil {
			c.sayAlso("no-approvals", path, fmt.Sprintf("tool %s waits for its user, and %s does not say with which login users approve", cut(t.Name), e.Name), "declare identity.approvals, or name the tool in without", "tools."+t.Name+".confirmation")
		}
		if t.Dedup != nil {
			c.bus(path, e, "tools."+t.Name+".dedup.until.bus", t.Dedup.Until.Bus)
		}
	}
	for i, events := range a.Events {
		c.bus(path, e, fmt.Sprintf("agents.%s.events[%d].bus", a.Name, i), events.Bus)
	}
}

func (c *checker) bus(path string, e platform.Environment, declared, bus string) {
	if bus != "" && !slices.Contains(busNames(e), bus) {
		c.sayAlso("unknown-bus", path, fmt.Sprintf("event bus %q has no name in %s", cut(bus), e.Name), "declare buses."+cut(bus), declared)
	}
}

func (c *checker) priced(path string, e platform.Environment, a platform.Agent) {
	priced := names(e.Prices.Models, func(m platform.ModelPrice) string { return m.Model })
	for i, model := range a.Models.IDs {
		if model != "" && !slices.Contains(priced, model) {
			c.sayAlso("no-price", path, fmt.Sprintf("model %s has no price in %s", cut(model), e.Name), "declare prices.models."+cut(model), fmt.Sprintf("agents.%s.models.ids[%d]", a.Name, i))
		}
	}
}

// limits: AgentCore holds a session between 60 seconds and 8 hours (CreateAgentRuntime API).
func (c *checker) limits(at string, e platform.Environment) {
	for _, l := range e.Limits.Agents {
		path := at + "limits.agents." + l.Agent
		c.known("unknown-agent", "agent", path, l.Agent, c.agentNames())
		c.overshoot(path, l)
		if d := l.WallClock.Duration(); d != 0 && (d < time.Minute || d > 8*time.Hour) {
			c.say("bad-value", path+".wall_clock", "must be between 60s and 8h, the lifetimes AgentCore accepts for a session", "close executions sooner, or split the work")
		}
	}
	for _, l := range e.Limits.Tools {
		c.known("unknown-tool", "tool", at+"limits.tools."+l.Tool, l.Tool, c.toolNames())
	}
	for _, price := range e.Prices.Tools {
		c.known("unknown-tool", "tool", at+"prices.tools."+price.Tool, price.Tool, c.toolNames())
	}
	if days := e.Audit.Logs.Days(); days != 0 && !slices.Contains(logRetentionDays, days) {
		c.say("bad-value", at+"audit.logs", fmt.Sprintf("CloudWatch Logs cannot keep logs for %d days", days), "it keeps them for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days")
	}
	if e.Audit.Logs > e.Audit.Retention && e.Audit.Retention != 0 {
		c.say("bad-value", at+"audit.logs", "logs would be kept longer than the evidence", "shorten logs, or lengthen retention")
	}
}

// maxDelay is for how long CloudWatch Logs tries to deliver (CloudWatch Logs User Guide,
// SubscriptionFilters).
const maxDelay = 24 * time.Hour

// overshoot is a word of direct agents: what a broker reserves first passes no limit.
func (c *checker) overshoot(path string, l platform.AgentLimits) {
	if l.Overshoot == nil {
		return
	}
	agent, _ := c.p.Agent(l.Agent)
	switch {
	case agent.Models.Via == "broker":
		c.sayAlso("unused", path+".overshoot", "is for agents that use models directly; a broker's limits are never passed", "remove it", "agents."+l.Agent+".models.via")
	case l.Overshoot.Delay.Duration() > maxDelay:
		c.say("bad-value", path+".overshoot.delay", "is longer than logs are delivered for", "declare at most 24h")
	}
}

// logRetentionDays are the values AWS::Logs::LogGroup RetentionInDays accepts.
var logRetentionDays = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

// rehearses: an environment that rehearses another may not differ in what is rehearsed.
func (c *checker) rehearses(at string, e platform.Environment) {
	if e.Rehearses == "" || !c.otherEnvironment(at+"rehearses", e, e.Rehearses) {
		return
	}
	if c.refused("environments."+e.Rehearses+".") || c.refused(at) {
		return // what did not decode would look like a difference
	}
	other, _ := c.p.Environment(e.Rehearses)
	there := "environments." + other.Name + "."
	for _, part := range []string{"Limits", "Audit", "Anomaly", "Without", "Constraints", "Identity.Claims.UserRoles"} {
		c.same(at, there, reflect.ValueOf(e), reflect.ValueOf(other), strings.Split(part, "."), "")
	}
}

// same walks to a part by its field names and compares it leaf by leaf.
func (c *checker) same(here, there string, a, b reflect.Value, part []string, path string) {
	for _, name := range part {
		f, _ := a.Type().FieldByName(name)
		a, b, path = a.FieldByName(name), b.FieldByName(name), join(path, f.Tag.Get("key"))
	}
	c.leaves(here, there, a, b, path)
}

func (c *checker) leaves(here, there string, a, b reflect.Value, path string) {
	if reflect.DeepEqual(a.Interface(), b.Interface()) {
		return
	}
	if a.Kind() == reflect.Struct && a.NumField() == len(fields(a.Type())) {
		for _, f := range fields(a.Type()) {
			c.leaves(here, there, a.Field(f.index), b.Field(f.index), join(path, f.key))
		}
		return
	}
	if a.Kind() == reflect.Pointer && !a.IsNil() && !b.IsNil() {
		c.leaves(here, there, a.Elem(), b.Elem(), path)
		return
	}
	if a.Kind() == reflect.Slice && keyed(a.Type().Elem()) {
		c.entriesDiffer(here, there, a, b, path)
		return
	}
	if a.Kind() == reflect.Slice && a.Type().Elem().Kind() == reflect.Struct && a.Len() == b.Len() {
		for i := range a.Len() {
			c.leaves(here, there, a.Index(i), b.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
		return
	}
	c.sayAlso("rehearsal-differs", here+path, fmt.Sprintf("differs from the environment it rehearses: %s here, %s there", sayValue(a), sayValue(b)), rehearsalHint, there+path)
}

// entriesDiffer compares keyed lists by key, whatever their order.
func (c *checker) entriesDiffer(here, there string, a, b reflect.Value, path string) {
	own, _ := special(a.Type().Elem(), "=")
	index := func(list reflect.Value) map[string]reflect.Value {
		out := map[string]reflect.Value{}
		for i := range list.Len() {
			out[list.Index(i).Field(own.index).String()] = list.Index(i)
		}
		return out
	}
	inA, inB := index(a), index(b)
	for key, v := range inA {
		w, both := inB[key]
		if !both {
			c.sayAlso("rehearsal-differs", here+join(path, key), "is not in the environment it rehearses", rehearsalHint, there+path)
			continue
		}
		for _, f := range fields(v.Type()) {
			if f.key != "=" {
				c.leaves(here, there, v.Field(f.index), w.Field(f.index), join(join(path, key), f.key))
			}
		}
	}
	for key := range inB {
		if _, both := inA[key]; !both {
			c.sayAlso("rehearsal-differs", here+path, cut(key)+" is missing, though the environment it rehearses has it", rehearsalHint, there+join(path, key))
		}
	}
}

// rehearsalHint says why equality is asked for.
const rehearsalHint = "a rehearsal shows something only under the same rules; make both equal"

func sayValue(v reflect.Value) string {
	switch list, _ := reflect.TypeAssert[[]string](v); {
	case v.Kind() == reflect.Bool:
		return fmt.Sprint(v.Bool())
	case v.IsZero():
		return "nothing"
	case v.Kind() == reflect.Pointer:
		return "one"
	case list != nil:
		return cut(strings.Join(list, ", "))
	case v.Kind() == reflect.Map:
		return cut(strings.TrimPrefix(fmt.Sprint(v.Interface()), "map"))
	case v.Kind() == reflect.Slice:
		return fmt.Sprintf("a list of %d", v.Len())
	}
	return cut(fmt.Sprint(v.Interface()))
}
