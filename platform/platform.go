// Package platform is the resolved declaration of one company: who may do what, where,
// and how much. It knows every key a declaration has and every name AWS will see; it
// knows no YAML (platform/load reads text), no CloudFormation and no AWS call.
//
// Start with [Platform]. Struct tags carry the declaration language itself: key is the
// YAML key ("=" takes the mapping's own key, "*" all other keys), need marks a required
// one, oneof lists the words it accepts, doc is what an editor shows. load decodes by
// them and generates the editor schema from them, so a key has one home.
//
// Names of environments, accounts, agents and tools are data here, never constants.
package platform

import (
	"strings"

	"remit/terms"
)

// Platform is one company's declaration. The zero Platform declares nothing and allows
// nothing.
type Platform struct {
	Name        string       `key:"platform" need:"yes" type:"lower" doc:"the company's short name; it begins every physical name"`
	Shared      *Shared      `key:"shared" doc:"accounts that serve all environments"`
	Teams       []Team       `key:"teams" need:"yes" doc:"who owns tools and agents"`
	UserRoles   []UserRole   `key:"user_roles" need:"yes" doc:"the roles users have; a role may include others"`
	DataClasses []DataClass  `key:"data_classes" need:"yes" doc:"classes of data that tools return"`
	Purposes    []string     `key:"purposes" need:"yes" type:"name" doc:"why an agent may be used"`
	LaneNames   []string     `key:"lanes" need:"yes" type:"lower" doc:"the names lanes may have, such as stable and canary; constraints speak of them"`
	Tools       []Tool       `key:"tools" need:"yes" doc:"logical capabilities, each with its own policy"`
	Agents      []Agent      `key:"agents" need:"yes" doc:"the autonomous actors"`
	Constraints []Constraint `key:"constraints" doc:"context rules; they only narrow"`
	Waivers     []Waiver     `key:"waivers" doc:"findings accepted for a while"`

	Environments []Environment
	Places       Places
}

// Shared holds the accounts that belong to the company and not to one environment.
type Shared struct {
	Accounts []Account  `key:"accounts" need:"yes" doc:"account purpose: account id, such as pipeline or organization"`
	Region   string     `key:"region" need:"yes" type:"region" doc:"the AWS region of these accounts"`
	Pipeline *Promotion `key:"pipeline" doc:"what takes a commit through the environments; without it nothing is made in the pipeline's account"`
}

// Promotion is where the pipeline takes its source from, what it runs that is the company's own,
// and by which roles people come to approve. Who may approve what is each environment's to say.
type Promotion struct {
	Connection string    `key:"connection" need:"yes" type:"connection" doc:"ARN of the connection to the code host, which an administrator has authorised"`
	Repository string    `key:"repository" need:"yes" type:"repository" doc:"the repository there, owner/name; it has to demand that authors are verified, because nobody approves what they wrote"`
	Branch     string    `key:"branch" need:"yes" type:"branch" doc:"the branch whose commits are promoted"`
	Directory  string    `key:"directory" need:"yes" type:"directory" doc:"where this declaration is in the repository"`
	Test       string    `key:"test" need:"yes" doc:"the command that tests a commit, in the repository"`
	Evaluation Evaluator `key:"evaluation" need:"yes" doc:"what evaluates a release; not in the repository that it evaluates"`
	Remit      Pinned    `key:"remit" need:"yes" doc:"the Remit that judges and synthesizes; a commit cannot change it, only whoever deploys the pipeline"`
	Approvers  []string  `key:"approvers" need:"yes" doc:"IAM role ARNs by which people come to approve; whoever vouches for them names their sessions after them"`
}

// Pinned is one revision of a repository.
type Pinned struct {
	Repository string `key:"repository" need:"yes" type:"repository" doc:"its repository, at the same code host"`
	Branch     string `key:"branch" need:"yes" type:"branch" doc:"a branch that has the revision"`
	Revision   string `key:"revision" need:"yes" type:"revision" doc:"the commit, whole"`
}

// Evaluator is what evaluates releases: a command in a repository of its own, whose owners
// answer for what it measures.
type Evaluator struct {
	Repository string `key:"repository" need:"yes" type:"repository" doc:"its repository, at the same code host; another than the source's"`
	Branch     string `key:"branch" need:"yes" type:"branch" doc:"its branch"`
	Command    string `key:"command" need:"yes" doc:"evaluates the release $REMIT_RELEASE where it runs and writes the result as JSON to $REMIT_RESULT; see docs/promotion.md"`
}

// Team owns tools and agents.
type Team struct {
	Name    string `key:"=" type:"name"`
	Contact string `key:"contact" need:"yes" doc:"where the team is reached"`
}

// UserRole is a role a user can have. Whoever has it also has what it includes.
type UserRole struct {
	Name     string   `key:"=" type:"name"`
	Includes []string `key:"includes" doc:"roles below this one; whoever may call as one of them may call as this one"`
}

// DataClass is a class of data. Sensitive classes may not cross a public network.
type DataClass struct {
	Name      string `key:"=" type:"name"`
	Sensitive bool   `key:"sensitive" doc:"true for data that law or contract protects, such as PII or PHI"`
}

// Tool is a logical capability with its own policy: the unit a security reviewer reads.
type Tool struct {
	Name         string         `key:"=" type:"name"`
	Team         string         `key:"team" need:"yes" doc:"the owning team"`
	Purpose      string         `key:"purpose" need:"yes" doc:"one sentence: what the tool is for"`
	Access       terms.Access   `key:"access" need:"yes" oneof:"read|write" doc:"read or write"`
	DataClass    string         `key:"data_class" need:"yes" doc:"the class of what it returns or changes"`
	Callers      []string       `key:"callers" need:"yes" doc:"user roles that may call it, or any role above them"`
	Input        map[string]any `key:"input" need:"yes" doc:"JSON Schema of the arguments; an object that closes additionalProperties"`
	Datum        *Datum         `key:"datum" doc:"the record a call is about; the tenant check asks whose it is"`
	Response     Response       `key:"response" need:"yes" doc:"what may leave; everything else stays behind"`
	Confirmation *Confirmation  `key:"confirmation" doc:"the user approves the exact arguments before the call runs"`
	Idempotency  *Idempotency   `key:"idempotency" doc:"one result per key for a while"`
	Dedup        *Dedup         `key:"dedup" doc:"an open item is returned instead of made again"`
	Audit        ToolAudit      `key:"audit" need:"yes" doc:"what the record keeps"`
	Reach        *Reach         `key:"reach" doc:"served by one role in a resource account"`
}

// Datum says how to find the record a call is about and so the tenant that owns it.
type Datum struct {
	Directory string `key:"directory" need:"yes" type:"name" doc:"the ownership directory that knows it; a name you choose, the same wherever the same data is meant"`
	ID        string `key:"id" need:"yes" doc:"the argument that names it"`
	Relation  string `key:"relation" type:"name" doc:"a relation the user must have to it, such as assigned"`
}

// Response is the allow-list of what may leave a tool. The zero Response lets nothing out.
type Response struct {
	Allow []string `key:"allow" need:"yes" doc:"paths such as $.score or $.items[*].name"`
	Text  string   `key:"text" oneof:"withhold|allow" doc:"what happens to text that is not JSON; withhold when absent"`
	Never []string `key:"never" doc:"names of fields that no argument may ask for"`
}

// Confirmation makes a tool propose instead of act.
type Confirmation struct {
	By      string     `key:"by" need:"yes" oneof:"user" doc:"who approves"`
	Expires terms.Span `key:"expires" need:"yes" doc:"how long the proposal stays open"`
}

// Idempotency returns the stored result for a repeated key.
type Idempotency struct {
	Key []string   `key:"key" need:"yes" doc:"the arguments that make the key"`
	For terms.Span `key:"for" need:"yes" doc:"how long the result is kept"`
}

// Dedup returns the open item for a repeated key until an event closes it.
type Dedup struct {
	Key    []string   `key:"key" need:"yes" doc:"the argument that makes the key: the one that names the datum, whose owner the closing event is matched with"`
	Until  Closing    `key:"until" need:"yes" doc:"the event that closes the item"`
	AtMost terms.Span `key:"at_most" need:"yes" doc:"how long an item stays open without the event"`
}

// Closing is the event that ends a de-duplication.
type Closing struct {
	Event string `key:"event" need:"yes" doc:"the detail type"`
	Bus   string `key:"bus" need:"yes" doc:"the logical event bus"`
	ID    string `key:"id" need:"yes" doc:"the field of the event's detail that carries the key's argument"`
}

// ToolAudit is what the record keeps of a call.
type ToolAudit struct {
	Input     string `key:"input" need:"yes" oneof:"hash|full" doc:"hash or full"`
	Output    string `key:"output" need:"yes" oneof:"hash|full" doc:"hash or full"`
	Reasoning string `key:"reasoning" oneof:"required" doc:"required: the agent must state why, and its trace is kept whole"`
}

// Reach is a grant into a resource account: exact table attributes or exact API
// operations, through one role there.
type Reach struct {
	Account    string   `key:"account" need:"yes" doc:"the account's purpose, such as lending"`
	Actions    []string `key:"actions" oneof:"GetItem|Query" doc:"table reads"`
	Attributes []string `key:"attributes" doc:"table attributes that may be read"`
	Operations []string `key:"operations" type:"operation" doc:"API methods and paths, such as GET /decisions/{id}"`
	Direct     *Direct  `key:"direct" doc:"let the execution role assume the role itself, outside the gateway"`
}

// Direct is a named, dated widening.
type Direct struct {
	Why   string     `key:"why" need:"yes" doc:"why a tool call is not enough"`
	Until terms.Date `key:"until" need:"yes" doc:"the last day it holds"`
}

// Agent is an autonomous actor.
type Agent struct {
	Name        string   `key:"=" type:"lower"`
	Team        string   `key:"team" need:"yes" doc:"the owning team"`
	IntendedUse string   `key:"intended_use" need:"yes" doc:"one sentence for the model inventory"`
	Limitations string   `key:"limitations" doc:"what it must not be used for"`
	Tier        string   `key:"tier" oneof:"low|medium|high" doc:"model risk tier"`
	Purposes    []string `key:"purposes" need:"yes" doc:"what it may be used for"`
	Callers     []string `key:"callers" need:"yes" doc:"user roles that may use it, or any role above them"`
	Models      Models   `key:"models" need:"yes" doc:"which models, and by which way"`
	Tools       []string `key:"tools" need:"yes" doc:"the tools it may call"`
	Memory      *Memory  `key:"memory" doc:"one isolated table per environment; absent means no memory"`
	Events      []Events `key:"events" doc:"events it may publish"`
}

// Models says which models an agent may use. Through the broker token budgets are hard
// and the execution role has no model permission; direct puts exact model ARNs on it.
type Models struct {
	Via      string   `key:"via" need:"yes" oneof:"broker|direct" doc:"broker: hard token budgets; direct: metered"`
	IDs      []string `key:"ids" need:"yes" type:"model" doc:"foundation model ids"`
	Profiles []string `key:"profiles" type:"model" doc:"with via: direct, cross-region inference profile ids, such as us.anthropic.…; each also needs its model in ids, whose price it has"`
}

// Memory is what an agent remembers. Scope agent gives the execution role its own keys;
// tenant and user are reached only with short credentials vended for a verified user.
type Memory struct {
	Scope     string     `key:"scope" need:"yes" oneof:"agent|tenant|user" doc:"whose memories are kept apart"`
	Retention terms.Span `key:"retention" need:"yes" doc:"how long a memory lives"`
}

// Events are detail types an agent may publish on a bus.
type Events struct {
	Bus         string   `key:"bus" need:"yes" doc:"the logical event bus"`
	DetailTypes []string `key:"detail_types" need:"yes" doc:"detail types it may publish"`
}

// Constraint forbids something in a context. There is no constraint that permits.
type Constraint struct {
	ID     string `key:"id" need:"yes" type:"name" doc:"its name in records"`
	When   When   `key:"when" need:"yes" doc:"the context; all given words must hold"`
	Forbid Forbid `key:"forbid" need:"yes" doc:"what is then refused; all given words must hold"`
}

// When is the context of a constraint. The zero When holds always.
type When struct {
	Lane      string       `key:"lane" type:"lower" doc:"the lane's name, such as canary"`
	UserRole  string       `key:"user_role" doc:"the user has this role"`
	DataClass string       `key:"data_class" doc:"the tool's class"`
	Access    terms.Access `key:"access" oneof:"read|write" doc:"the tool's access"`
	Purpose   string       `key:"purpose" doc:"the execution's purpose"`
	Hours     terms.Hours  `key:"hours" doc:"hours of the environment's day in which it is forbidden, such as 18:00-08:00 for outside office hours"`
}

// Forbid is what a constraint refuses. The zero Forbid is a mistake and is refused.
type Forbid struct {
	Access    terms.Access `key:"access" oneof:"read|write" doc:"tools with this access"`
	DataClass string       `key:"data_class" doc:"tools of this class"`
	Tools     []string     `key:"tools" doc:"these tools"`
}

// Waiver accepts one finding of verify for a while.
type Waiver struct {
	Rule   string     `key:"rule" need:"yes" doc:"the finding's rule"`
	Role   string     `key:"role" need:"yes" doc:"the role it speaks of"`
	Sid    string     `key:"sid" doc:"the statement it speaks of"`
	Digest string     `key:"digest" need:"yes" doc:"the finding's digest, as remit verify prints it; a waiver holds for this text and no later one"`
	Why    string     `key:"why" need:"yes" doc:"why it is accepted"`
	Owner  string     `key:"owner" need:"yes" doc:"the team that answers for it"`
	Until  terms.Date `key:"until" need:"yes" doc:"the last day it holds"`
}

// Places knows where every key of a declaration stands, by its path: "tools.x.callers[0]",
// and for environments "environments.prod.limits.tools.x". The zero Places knows nothing.
type Places map[string]terms.Pos

// Of is the place of a path, or of its nearest ancestor that has one.
func (p Places) Of(path string) terms.Pos {
	for path != "" {
		if at, ok := p[path]; ok {
			return at
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return terms.Pos{}
}
