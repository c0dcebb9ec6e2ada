package change

import "strings"

// Classes of approvers, as deploy.approvers names them.
const (
	Security    = "security"
	Privacy     = "privacy"
	ModelRisk   = "model_risk"
	ChangeBoard = "change_board"
)

// Row says what an edit of one key means. Path names the key with names as *; a member of a
// list ends in []. More is what came, or a larger number or later day; Less is what went, or a
// smaller one; Other is every other edit. A Meaning that a row leaves out is not known.
type Row struct {
	Path              string
	More, Less, Other Meaning
}

// Meaning is a class, who agrees where somebody must, and why.
type Meaning struct {
	class  Class
	by     string
	reason string
}

func automatic(reason string) Meaning            { return Meaning{Automatic, "", reason} }
func review(reason string) Meaning               { return Meaning{Review, "", reason} }
func approval(by, reason string) Meaning         { return Meaning{Approval, by, reason} }
func always(path string, m Meaning) Row          { return Row{path, m, m, m} }
func member(path string, more, less Meaning) Row { return Row{Path: path, More: more, Less: less} }

// limit is a number that caps something: more of it is for the change board, less is read by somebody.
func limit(path, what string) Row {
	return Row{Path: path, More: approval(ChangeBoard, "a wider limit: "+what), Less: review("a narrower limit: " + what)}
}

// sequences are lists whose order means something: a key made of arguments in another order is
// another key, under which nothing has been done yet.
var sequences = []string{"tools.*.idempotency.key", "tools.*.dedup.key"}

func rowOf(path string) (Row, bool) {
	for _, r := range Rows {
		if r.Path == path || strings.HasSuffix(r.Path, ".**") && strings.HasPrefix(path+".", strings.TrimSuffix(r.Path, "**")) {
			return r, true
		}
	}
	return Row{}, false
}

// Rows is the table. A path that ends in ** is for everything below it that has no row above.
var Rows = []Row{
	always("platform", approval(Security, "every name of every role changes")),
	always("shared.**", approval(Security, "which accounts are the company's own")),
	always("teams.**", review("who owns what")),
	member("user_roles.*", approval(Security, "a role more in the role model"), automatic("a role less: nobody may do more")),
	member("user_roles.*.includes[]", approval(Security, "whoever has the role may do what the other one may"), automatic("the role may do less")),
	member("data_classes.*", approval(Privacy, "a new class of data"), automatic("no tool is of this class any more")),
	{Path: "data_classes.*.sensitive", More: review("the class is protected as sensitive data are"), Less: approval(Privacy, "the class is protected as sensitive data no longer")},
	member("purposes[]", approval(Privacy, "a new purpose"), automatic("a purpose less")),
	member("lanes[]", review("a name that lanes may have"), automatic("a name less that lanes may have")),

	member("tools.*", approval(Security, "a new tool"), automatic("a tool less")),
	always("tools.*.team", review("who owns the tool")),
	always("tools.*.purpose", review("what people are told the tool is for")),
	always("tools.*.access", approval(Security, "whether the tool reads or writes")),
	always("tools.*.data_class", approval(Privacy, "the class of what the tool returns or changes")),
	member("tools.*.callers[]", approval(Security, "more users may call the tool"), automatic("fewer users may call the tool")),
	always("tools.*.input", approval(Security, "which arguments the tool takes")),
	{Path: "tools.*.datum", More: review("whose a datum is, is asked before each call"), Less: approval(Privacy, "whose a datum is, is not asked any more")},
	{Path: "tools.*.datum.relation", More: review("a relation to the datum is asked for"), Less: approval(Privacy, "no relation to the datum is asked for any more"), Other: approval(Privacy, "another relation to the datum is asked for")},
	always("tools.*.datum.**", approval(Privacy, "whose datum a call is about")),
	member("tools.*.response.allow[]", approval(Privacy, "more leaves the tool"), automatic("less leaves the tool")),
	member("tools.*.response.never[]", automatic("one more field that no argument may ask for"), approval(Privacy, "arguments may ask for the field")),
	always("tools.*.response.text", approval(Privacy, "whether text that is not JSON leaves the tool")),
	{Path: "tools.*.confirmation", More: review("the user confirms each call"), Less: approval(ChangeBoard, "the user is asked no more")},
	{Path: "tools.*.confirmation.expires", More: approval(ChangeBoard, "an approval can come later"), Less: review("an approval must come sooner")},
	always("tools.*.confirmation.by", approval(ChangeBoard, "who confirms")),
	{Path: "tools.*.idempotency", More: review("a repeated call is answered and not made"), Less: approval(ChangeBoard, "a repeated call is made again")},
	{Path: "tools.*.idempotency.for", More: review("a result is kept longer"), Less: approval(ChangeBoard, "a repeated call is made again sooner")},
	always("tools.*.idempotency.key", approval(ChangeBoard, "which calls are the same: what was done under the old key can be done again")),
	{Path: "tools.*.dedup", More: review("an open item is answered and not made again"), Less: approval(ChangeBoard, "an open item can be made again")},
	{Path: "tools.*.dedup.at_most", More: review("an item stays open longer"), Less: approval(ChangeBoard, "an item can be made again sooner")},
	always("tools.*.dedup.**", approval(ChangeBoard, "which items are the same, and what closes them")),
	{Path: "tools.*.audit.reasoning", More: review("the agent states why"), Less: approval(ModelRisk, "the agent need not state why any more")},
	always("tools.*.audit.**", approval(Privacy, "what the record keeps")),
	member("tools.*.reach", approval(Security, "a way into another account"), automatic("a way less into another account")),
	member("tools.*.reach.actions[]", approval(Security, "more is done in the other account"), automatic("less is done in the other account")),
	member("tools.*.reach.attributes[]", approval(Security, "more is read in the other account"), automatic("less is read in the other account")),
	member("tools.*.reach.operations[]", approval(Security, "more is called in the other account"), automatic("less is called in the other account")),
	member("tools.*.reach.direct", approval(Security, "a way into another account that no check stands before"), automatic("the way leads through the checks")),
	{Path: "tools.*.reach.direct.until", More: approval(Security, "a widening that lasts longer"), Less: review("a widening that ends sooner")},
	always("tools.*.reach.direct.why", review("why there is a widening")),
	always("tools.*.reach.account", approval(Security, "which account is reached")),

	member("agents.*", approval(ModelRisk, "a new agent"), automatic("an agent less")),
	always("agents.*.team", review("who owns the agent")),
	always("agents.*.intended_use", approval(ModelRisk, "what the agent is for")),
	always("agents.*.limitations", approval(ModelRisk, "what the agent must not be used for")),
	always("agents.*.tier", approval(ModelRisk, "the agent's risk")),
	member("agents.*.purposes[]", approval(Privacy, "a new purpose for the agent"), automatic("a purpose less for the agent")),
	member("agents.*.callers[]", approval(Security, "more users may use the agent"), automatic("fewer users may use the agent")),
	member("agents.*.models.ids[]", approval(ModelRisk, "a new model for the agent"), automatic("a model less for the agent")),
	member("agents.*.models.profiles[]", approval(ModelRisk, "other regions or models for the agent"), automatic("a profile less for the agent")),
	always("agents.*.models.via", approval(Security, "whether the limits on models are hard")),
	member("agents.*.tools[]", approval(Security, "a tool more for the agent"), automatic("a tool less for the agent")),
	{Path: "agents.*.memory.retention", More: review("memories live longer"), Less: approval(Privacy, "memories are forgotten sooner")},
	always("agents.*.memory", approval(Privacy, "whether the agent remembers")),
	always("agents.*.memory.**", approval(Privacy, "whose memories are kept apart")),
	member("agents.*.events[]", approval(Security, "events more that the agent publishes"), automatic("events less that the agent publishes")),

	member("constraints.*", review("a constraint more: constraints only narrow"), approval(Security, "a constraint less")),
	always("constraints.**", approval(Security, "when a constraint holds, or what it forbids")),
	member("waivers[]", approval(Security, "a finding is accepted"), automatic("a finding is accepted no more")),

	always("environments.*", approval(Security, "a whole environment")),
	always("environments.*.environment", approval(Security, "what the environment is called")),
	always("environments.*.accounts.**", approval(Security, "which accounts are this environment's")),
	always("environments.*.region", approval(Security, "where the environment is")),
	always("environments.*.day", approval(ChangeBoard, "when limits begin anew")),
	always("environments.*.data.users.**", review("invented users")),
	always("environments.*.data.directories.**", review("invented owners")),
	always("environments.*.data.**", approval(Privacy, "what kind of data is here, and who says so")),
	member("environments.*.deploy.approvers.*", approval(Security, "a new class of approvers"), approval(Security, "a class of approvers less")),
	member("environments.*.deploy.approvers.*[]", approval(Security, "a new approver"), approval(Security, "an approver less")),
	always("environments.*.deploy.**", approval(Security, "who deploys, and from where")),
	always("environments.*.operations", approval(Security, "whether anybody can stop what runs, and undo a stop")),
	member("environments.*.operations.operators[]", approval(Security, "more people may stop what runs, and ask to undo it"), review("fewer people may stop what runs")),
	member("environments.*.operations.breakglass[]", approval(Security, "more people may approve that a stop is undone"), review("fewer people may approve that a stop is undone")),
	{Path: "environments.*.evaluation", More: review("an evaluation is asked for"), Less: approval(ModelRisk, "no evaluation is asked for any more")},
	{Path: "environments.*.evaluation.scores.*", More: review("a score more, or a higher one"), Less: approval(ModelRisk, "a score less, or a lower one")},
	{Path: "environments.*.evaluation.max_age", More: approval(ModelRisk, "an evaluation may be older"), Less: review("an evaluation must be newer")},
	{Path: "environments.*.evaluation.drift", More: review("the data's drift is looked at"), Less: approval(ModelRisk, "the data's drift is looked at no more")},
	always("environments.*.evaluation.drift.measure", approval(ModelRisk, "drift is measured otherwise")),
	{Path: "environments.*.evaluation.drift.warn", More: approval(ModelRisk, "more drift before a warning"), Less: review("less drift before a warning")},
	{Path: "environments.*.evaluation.drift.block", More: approval(ModelRisk, "more drift before a refusal"), Less: review("less drift before a refusal")},
	member("environments.*.identity.entry[]", approval(Security, "an application more that opens executions"), automatic("an application less that opens executions")),
	always("environments.*.identity.approvals", approval(Security, "the login with which users approve")),
	always("environments.*.identity.approvals.**", approval(Security, "the login with which users approve")),
	always("environments.*.identity.**", approval(Privacy, "who users are, whose they are and which roles they have")),
	always("environments.*.network.**", approval(Security, "how runtimes reach out")),
	always("environments.*.buses.**", approval(Security, "which bus events go to and come from")),
	{Path: "environments.*.credentials.*.rotate", More: approval(Security, "a secret is rotated less often"), Less: review("a secret is rotated more often")},
	always("environments.*.credentials.*.owner", review("who rotates a secret")),
	member("environments.*.credentials.*", approval(Security, "a new secret"), automatic("a secret less")),
	always("environments.*.credentials.**", approval(Security, "which secret a target is given")),
	always("environments.*.targets.*.mock", review("what answers on a laptop")),
	always("environments.*.targets.**", approval(Security, "what a tool resolves to")),
	always("environments.*.model_logs", approval(Security, "whether what is used of models directly is known")),
	always("environments.*.model_logs.group", approval(Security, "from which log it is known what was used of models directly")),
	always("environments.*.lanes.*.*.prompts", automatic("another prompt: its evaluation decides")),
	always("environments.*.lanes.*.*.code", approval(ModelRisk, "another version of the agent's code")),
	always("environments.*.lanes.*.*.parameters", approval(ModelRisk, "other inference parameters")),
	always("environments.*.lanes.*.*.share", review("another share of the users")),
	member("environments.*.lanes.*.*", approval(ModelRisk, "another version of the agent runs"), automatic("a lane less")),
	member("environments.*.lanes.*", approval(ModelRisk, "the agent runs here"), automatic("the agent runs here no more")),
	limit("environments.*.limits.agents.*.tool_calls", "tool calls per execution"),
	limit("environments.*.limits.agents.*.wall_clock", "time per execution"),
	limit("environments.*.limits.agents.*.tokens", "tokens per execution"),
	limit("environments.*.limits.agents.*.model_cost", "model cost per execution"),
	limit("environments.*.limits.agents.*.overshoot.tokens", "tokens that a metered execution may use beyond its own"),
	limit("environments.*.limits.agents.*.overshoot.cost", "model cost that a metered execution may use beyond its own"),
	limit("environments.*.limits.agents.*.overshoot.delay", "time until usage is known"),
	always("environments.*.limits.agents.*.overshoot", approval(ChangeBoard, "whether limits are passed before it is known")),
	{Path: "environments.*.limits.agents.*", More: approval(ChangeBoard, "limits of another agent"), Less: approval(ChangeBoard, "an agent without limits")},
	{Path: "environments.*.limits.tools.*", More: review("a limit on the tool"), Less: approval(ChangeBoard, "no limit on the tool any more")},
	limit("environments.*.limits.tools.*.per_user_per_day", "calls per user and day"),
	{Path: "environments.*.limits.tools.*.indeterminate_counts", More: review("calls of unknown outcome count"), Less: approval(ChangeBoard, "calls of unknown outcome do not count any more")},
	always("environments.*.limits.tools.*.why", review("why there is a limit")),
	limit("environments.*.limits.user.cost_per_day", "cost per user and day"),
	limit("environments.*.limits.tenant.cost_per_day", "cost per tenant and day"),
	{Path: "environments.*.prices.models.*", More: approval(ModelRisk, "a model can be paid for"), Less: automatic("a model cannot be used any more")},
	{Path: "environments.*.prices.tools.*", More: review("a tool costs more of the budget"), Less: approval(ChangeBoard, "a tool costs less of the budget: more calls pass")},
	{Path: "environments.*.prices.models.*.**", More: review("a model costs more of the budget"), Less: approval(ChangeBoard, "a model costs less of the budget: more passes")},
	{Path: "environments.*.prices.runtime_hour", More: review("running costs more of the budget"), Less: approval(ChangeBoard, "running costs less of the budget: more passes")},
	{Path: "environments.*.anomaly.alert_above", More: approval(ChangeBoard, "more is normal"), Less: review("less is normal")},
	{Path: "environments.*.anomaly.throttle_above", More: approval(ChangeBoard, "whether, and above what, traffic is throttled"), Less: approval(ChangeBoard, "whether, and above what, traffic is throttled")},
	always("environments.*.anomaly.baseline", review("what traffic is compared with")),
	{Path: "environments.*.audit.retention", More: review("evidence is kept longer"), Less: approval(Privacy, "evidence is kept shorter")},
	{Path: "environments.*.audit.logs", More: review("logs are kept longer"), Less: approval(Privacy, "logs are kept shorter")},
	{Path: "environments.*.audit.debug", More: approval(Privacy, "everything is logged"), Less: review("less is logged")},
	always("environments.*.audit.lock", approval(Privacy, "who can shorten how long evidence is kept")),
	always("environments.*.memory_reset", approval(Privacy, "when memory is emptied")),
	always("environments.*.removal", approval(Security, "what stays when a stack is removed")),
	always("environments.*.rehearses", approval(Security, "which environment this one must equal")),
	member("environments.*.without[]", automatic("a tool less here"), approval(Security, "a tool more here")),
	member("environments.*.constraints.*", review("a constraint more: constraints only narrow"), approval(Security, "a constraint less")),
	always("environments.*.constraints.**", approval(Security, "when a constraint holds, or what it forbids")),
}
