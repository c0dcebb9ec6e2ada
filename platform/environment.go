package platform

import (
	"slices"

	"remit/terms"
)

// Environment is a set of accounts, endpoints and numbers. Its name is data.
type Environment struct {
	Name        string       `key:"environment" need:"yes" type:"lower" doc:"the environment's name; the file is named after it"`
	Accounts    []Account    `key:"accounts" need:"yes" doc:"account purpose: account id; platform is where agents run"`
	Region      string       `key:"region" need:"yes" type:"region" doc:"the AWS region of this environment"`
	Day         terms.Zone   `key:"day" need:"yes" doc:"the IANA time zone in which a day begins"`
	Data        Data         `key:"data" need:"yes" doc:"what kind of data lives here"`
	Deploy      Deploy       `key:"deploy" need:"yes" doc:"who may deploy"`
	Operations  *Operations  `key:"operations" doc:"who may intervene while agents run; without it nobody can stop anything by a command"`
	Evaluation  *Evaluation  `key:"evaluation" doc:"scores a version needs before it may come here"`
	Identity    Identity     `key:"identity" need:"yes" doc:"the company's identity provider, as this environment uses it"`
	Network     Network      `key:"network" need:"yes" doc:"how runtimes reach out"`
	Buses       []Bus        `key:"buses" doc:"logical event bus: its name here"`
	Credentials []Credential `key:"credentials" doc:"secrets of targets, by reference"`
	Targets     []Target     `key:"targets" need:"yes" doc:"what each tool resolves to here"`
	ModelLogs   *ModelLogs   `key:"model_logs" doc:"where invocations of models are logged here; needed where an agent uses models directly"`
	Lanes       []LaneSet    `key:"lanes" need:"yes" doc:"running versions: agent: lane: artifact"`
	Limits      Limits       `key:"limits" need:"yes" doc:"every number that caps something"`
	Prices      Prices       `key:"prices" need:"yes" doc:"what models, tools and running time cost"`
	Anomaly     Anomaly      `key:"anomaly" need:"yes" doc:"when unusual traffic alerts or throttles"`
	Audit       Audit        `key:"audit" need:"yes" doc:"how long evidence is kept, and how hard"`
	MemoryReset string       `key:"memory_reset" oneof:"per_evaluation" doc:"memory is emptied before each evaluation run"`
	Removal     string       `key:"removal" need:"yes" oneof:"retain|destroy" doc:"what happens to tables and keys when a stack is removed"`
	Rehearses   string       `key:"rehearses" doc:"an environment whose limits, audit, anomaly bounds, constraints, tools and role mapping this one must equal"`
	Without     []string     `key:"without" doc:"tools that are not offered here"`
	Constraints []Constraint `key:"constraints" doc:"further context rules; they only narrow"`

	Existing    any `key:"existing" doc:"reserved for adopting what already exists; not accepted yet"`
	Enforcement any `key:"enforcement" doc:"reserved for dated observe mode; not accepted yet"`
}

// Account is an AWS account by its purpose in an environment.
type Account struct {
	Purpose string          `key:"=" type:"lower"`
	ID      terms.AccountID `key:"-"`
}

// Data says what kind of data an environment holds.
type Data struct {
	Kind        string       `key:"kind" need:"yes" oneof:"synthetic|anonymised|real" doc:"synthetic, anonymised or real"`
	Attestation *Attestation `key:"attestation" doc:"who says that it is anonymised, and by which run"`
	Users       []DataUser   `key:"users" doc:"invented users for local runs; only with synthetic data"`
	Directories []Directory  `key:"directories" doc:"invented owners of datums for local runs: directory: datum: owner; only with synthetic data"`
}

// DataUser is an invented user.
type DataUser struct {
	Name   string   `key:"=" type:"name"`
	Tenant string   `key:"tenant" need:"yes" type:"name" doc:"the user's tenant"`
	Roles  []string `key:"roles" need:"yes" doc:"the user's roles"`
}

// Directory is an ownership directory with invented content.
type Directory struct {
	Name   string       `key:"=" type:"name"`
	Datums []DatumOwner `key:"*" doc:"datum id: owner"`
}

// DatumOwner says to whom an invented datum belongs, and who stands in which relation to it.
type DatumOwner struct {
	ID        string     `key:"="`
	Tenant    string     `key:"tenant" need:"yes" type:"name" doc:"the tenant that owns it"`
	Relations []Relation `key:"relations" doc:"relation: users, such as assigned: [ana]"`
}

// Relation is a named relation of users to a datum.
type Relation struct {
	Name  string   `key:"=" type:"name"`
	Users []string `key:"-"`
}

// Attestation is the evidence that data was anonymised.
type Attestation struct {
	Job    string       `key:"job" need:"yes" doc:"the job that anonymised it"`
	Date   terms.Date   `key:"date" need:"yes" doc:"the day it ran"`
	Owner  string       `key:"owner" need:"yes" doc:"the team that answers for it"`
	Digest terms.Digest `key:"digest" need:"yes" doc:"digest of the job's report"`
}

// Deploy says who may deploy to an environment: the pipeline, or named principals.
type Deploy struct {
	By        []string   `key:"by" need:"yes" lone:"yes" doc:"pipeline, or a list of IAM role ARNs of people, among which pipeline may stand"`
	From      string     `key:"from" doc:"the environment a version must have passed"`
	Approvers []Approver `key:"approvers" doc:"class of approval: who can give it"`
}

// Pipeline is the word in deploy.by that admits only the pipeline.
const Pipeline = "pipeline"

// People is who deploys by themselves: the roles of deploy.by without the word pipeline.
func (d Deploy) People() []string {
	return slices.DeleteFunc(slices.Clone(d.By), func(who string) bool { return who == Pipeline })
}

// ByPipeline reports whether the pipeline deploys here, alone or beside people.
func (d Deploy) ByPipeline() bool { return slices.Contains(d.By, Pipeline) }

// OnlyPipeline reports whether nobody but the pipeline deploys.
func (d Deploy) OnlyPipeline() bool { return len(d.By) == 1 && d.By[0] == Pipeline }

// ApproversOf is who can give a class of approval; nobody for a class that is not declared.
func (d Deploy) ApproversOf(class string) []string {
	a, _ := find(d.Approvers, func(a Approver) bool { return a.Class == class })
	return a.People
}

// Operations is the people who may intervene while agents run. An operator stops, looks, and
// asks to undo; whoever is behind the glass approves what somebody else asked for. The lists
// may overlap: what takes two people takes two names, not two lists.
type Operations struct {
	Operators  []string `key:"operators" need:"yes" doc:"IAM role ARNs of people who may stop, look, and ask to undo; whoever vouches for them names their sessions after them"`
	Breakglass []string `key:"breakglass" need:"yes" doc:"IAM role ARNs of people who may approve what somebody else asked to undo; from the same directory of people"`
}

// Approver is a class of approval and the people who can give it.
type Approver struct {
	Class  string   `key:"=" type:"name"`
	People []string `key:"-"`
}

// Evaluation is what a version must have shown in the environment it comes from.
type Evaluation struct {
	Scores []Score    `key:"scores" need:"yes" doc:"metric: lowest score"`
	MaxAge terms.Span `key:"max_age" need:"yes" doc:"how old a result may be"`
	Drift  *Drift     `key:"drift" doc:"how far the evaluated data may be from real data"`
}

// Score is the lowest acceptable value of one metric.
type Score struct {
	Metric  string        `key:"=" type:"name"`
	AtLeast terms.Percent `key:"-"`
}

// Drift bounds the distance between two data sets' profiles.
type Drift struct {
	Measure string        `key:"measure" need:"yes" oneof:"psi|total_variation" doc:"psi: the population stability index; total_variation: the largest difference in how likely anything is"`
	Warn    terms.Percent `key:"warn" need:"yes" doc:"warn above"`
	Block   terms.Percent `key:"block" need:"yes" doc:"refuse above"`
}

// Identity is the company's identity provider and what its claims mean.
type Identity struct {
	Issuer   string   `key:"issuer" need:"yes" type:"https" doc:"the issuer's URL, as tokens state it"`
	Audience string   `key:"audience" need:"yes" doc:"the audience tokens must carry"`
	Claims   Claims   `key:"claims" need:"yes" doc:"which claim says what"`
	Entry    []string `key:"entry" need:"yes" type:"name" doc:"applications that may open executions, by the name the entry will know them by"`

	Approvals *ApprovalLogin `key:"approvals" doc:"the login with which users approve what waits for them"`
}

// ApprovalLogin is the login with which users decide on what waits for them. Without a client
// the page offers none, and people bring a token of their own.
type ApprovalLogin struct {
	Audience string `key:"audience" need:"yes" doc:"the audience such tokens carry; not the one that opens executions, so that no application approves"`
	Client   string `key:"client" doc:"the public OAuth client that the page is at the issuer, whose redirect URI is the page; without one the page offers no login"`
	Scope    string `key:"scope" doc:"what the page asks for besides openid, where the issuer picks the audience by scope"`
}

// Claims maps an issuer's claims to Remit's words. An unmapped value means nothing.
type Claims struct {
	User      string    `key:"user" need:"yes" doc:"the claim that names the user"`
	Tenant    string    `key:"tenant" need:"yes" doc:"the claim that names the tenant"`
	UserRoles RoleClaim `key:"user_roles" need:"yes" doc:"the claim that lists roles"`
}

// RoleClaim maps the values of one claim to declared user roles.
type RoleClaim struct {
	Claim string            `key:"claim" need:"yes" doc:"the claim's name"`
	Map   map[string]string `key:"map" need:"yes" doc:"the claim's value: declared user role"`
}

// Network says how runtimes reach out.
type Network struct {
	Mode           string   `key:"mode" need:"yes" oneof:"public|vpc" doc:"vpc is needed for sensitive data classes"`
	Subnets        []string `key:"subnets" type:"subnet" doc:"subnet ids, with mode vpc"`
	SecurityGroups []string `key:"security_groups" type:"security-group" doc:"security group ids, with mode vpc"`
}

// Bus is a logical event bus and its name here.
type Bus struct {
	Name  string `key:"=" type:"name"`
	Named string `key:"-"`
}

// Credential is a secret by reference: never a value.
type Credential struct {
	Name   string     `key:"=" type:"name"`
	Secret string     `key:"secret" need:"yes" doc:"the secret that holds the key, in Secrets Manager, as a JSON object with the member api_key; never the key itself"`
	Owner  string     `key:"owner" need:"yes" doc:"the team that rotates it"`
	Rotate terms.Span `key:"rotate" need:"yes" doc:"how often it is rotated"`
}

// Target is what a tool resolves to in one environment: exactly one kind, and with
// synthetic data a mock reply for local runs.
type Target struct {
	Tool       string            `key:"=" type:"name"`
	Lambda     *LambdaTarget     `key:"lambda" doc:"a Lambda function"`
	APIGateway *APIGatewayTarget `key:"api_gateway" doc:"one operation of an API Gateway REST API"`
	OpenAPI    *OpenAPITarget    `key:"openapi" doc:"one operation of an HTTP API"`
	MCPServer  *MCPTarget        `key:"mcp_server" doc:"one tool of an MCP server"`
	Reach      *ReachTarget      `key:"reach" doc:"the table or API behind a reach tool"`
	Credential string            `key:"credential" doc:"a declared credential, an API key; only for api_gateway, openapi and mcp_server"`
	Mock       any               `key:"mock" doc:"for local runs, only with synthetic data: a reply, or the URL of a local server, such as http://127.0.0.1:9000/"`
}

// LambdaTarget is a function, by name and alias. Account defaults to platform.
type LambdaTarget struct {
	Function string `key:"function" need:"yes" type:"function" doc:"the function's name"`
	Alias    string `key:"alias" need:"yes" type:"name" doc:"the alias that is called"`
	Account  string `key:"account" doc:"the purpose of the account it is in; platform when absent"`
}

// APIGatewayTarget is one operation of a REST API. Account defaults to platform.
type APIGatewayTarget struct {
	API       string `key:"api" need:"yes" type:"api" doc:"the REST API's id"`
	Stage     string `key:"stage" need:"yes" type:"name" doc:"its stage"`
	Operation string `key:"operation" need:"yes" type:"operation" doc:"method and path, such as POST /reports"`
	Account   string `key:"account" doc:"the purpose of the account it is in; platform when absent"`
}

// OpenAPITarget is one operation of an HTTP API described by OpenAPI.
type OpenAPITarget struct {
	Server    string `key:"server" need:"yes" type:"https" doc:"the server's URL"`
	Operation string `key:"operation" need:"yes" type:"operation" doc:"method and path, such as GET /regulations/{id}"`
}

// MCPTarget is one tool of an MCP server.
type MCPTarget struct {
	URL  string `key:"url" need:"yes" type:"https" doc:"the server's URL"`
	Tool string `key:"tool" need:"yes" type:"name" doc:"the tool's name there"`
}

// ReachTarget is the table, or the API and stage, behind a reach tool.
type ReachTarget struct {
	Table string `key:"table" type:"table" doc:"the table's name in the resource account"`
	API   string `key:"api" type:"api" doc:"the REST API's id in the resource account"`
	Stage string `key:"stage" type:"name" doc:"its stage"`
}

// ModelLogs is the account's own logging of model invocations, as its owner has set it up.
// Remit reads it and never changes it: it is one setting for the whole account.
type ModelLogs struct {
	Group string `key:"group" need:"yes" type:"log-group" doc:"the CloudWatch log group to which Bedrock's model invocation logging writes, in this region"`
}

// LaneSet is the running versions of one agent.
type LaneSet struct {
	Agent string `key:"=" type:"lower"`
	Lanes []Lane `key:"*" doc:"lane name: the version it runs"`
}

// Lane is one running version: the image's digest, the prompts' and the inference
// parameters'; the fourth digest, of the model ids, is computed. Share is the part of
// users a lane serves; lanes without one share the rest.
type Lane struct {
	Name       string        `key:"=" type:"lower"`
	Code       terms.Digest  `key:"code" need:"yes" doc:"digest of the container image in the agent's repository, which deploying creates; before the first build any digest will do to look at IAM"`
	Prompts    terms.Digest  `key:"prompts" need:"yes" doc:"digest of the prompts"`
	Parameters terms.Digest  `key:"parameters" need:"yes" doc:"digest of the inference parameters"`
	Share      terms.Percent `key:"share" doc:"the part of users it serves; one lane has none and serves the rest"`
}

// Limits are all caps of an environment.
type Limits struct {
	Agents []AgentLimits `key:"agents" need:"yes" doc:"per execution of an agent"`
	Tools  []ToolLimits  `key:"tools" doc:"per tool"`
	User   DayLimit      `key:"user" need:"yes" doc:"per user, over all agents"`
	Tenant DayLimit      `key:"tenant" need:"yes" doc:"per tenant, over all agents"`
}

// AgentLimits cap one execution.
type AgentLimits struct {
	Agent     string         `key:"=" type:"lower"`
	ToolCalls int64          `key:"tool_calls" need:"yes" doc:"tool calls per execution"`
	WallClock terms.Span     `key:"wall_clock" need:"yes" doc:"from open to close"`
	Tokens    int64          `key:"tokens" need:"yes" doc:"model tokens per execution, in and out"`
	ModelCost terms.MicroUSD `key:"model_cost" need:"yes" doc:"model cost per execution"`
	Overshoot *Overshoot     `key:"overshoot" doc:"for an agent that uses models directly, what an execution may use beyond its limits before the logs have told"`
}

// Overshoot is what a metered limit cannot prevent: an execution is ended when the logs say
// that it is used up, and by then it has used more. Cost is reserved with the execution.
type Overshoot struct {
	Tokens int64          `key:"tokens" need:"yes" doc:"model tokens beyond tokens"`
	Cost   terms.MicroUSD `key:"cost" need:"yes" doc:"model cost beyond model_cost; part of what an execution takes from its user's and tenant's day"`
	Delay  terms.Span     `key:"delay" need:"yes" doc:"how long after a call of a model its log has been read; unused cost returns to the day only then"`
}

// ToolLimits cap one tool per user and day.
type ToolLimits struct {
	Tool                string `key:"=" type:"name"`
	PerUserPerDay       int64  `key:"per_user_per_day" need:"yes" doc:"calls"`
	Why                 string `key:"why" need:"yes" doc:"the reason for the limit"`
	IndeterminateCounts bool   `key:"indeterminate_counts" doc:"true: a call whose outcome is unknown counts"`
}

// DayLimit caps cost per day.
type DayLimit struct {
	CostPerDay terms.MicroUSD `key:"cost_per_day" need:"yes" doc:"total agent cost per day"`
}

// Prices say what things cost. A model without a price cannot be used.
type Prices struct {
	Models  []ModelPrice   `key:"models" need:"yes" doc:"per million tokens"`
	Tools   []ToolPrice    `key:"tools" doc:"per call"`
	Runtime terms.MicroUSD `key:"runtime_hour" need:"yes" doc:"per hour of a session"`
}

// ModelPrice is the price of one model per million tokens. Absent cache prices mean the
// input price.
type ModelPrice struct {
	Model      string         `key:"=" type:"model"`
	Input      terms.MicroUSD `key:"input" need:"yes" doc:"per million input tokens"`
	Output     terms.MicroUSD `key:"output" need:"yes" doc:"per million output tokens"`
	CacheRead  terms.MicroUSD `key:"cache_read" doc:"per million tokens read from the cache"`
	CacheWrite terms.MicroUSD `key:"cache_write" doc:"per million tokens written to the cache"`
}

// ToolPrice is the price of one call.
type ToolPrice struct {
	Tool string         `key:"=" type:"name"`
	Call terms.MicroUSD `key:"-"`
}

// Anomaly says when traffic far from its baseline alerts or throttles. The baseline is one to
// four weeks: an hour is compared with the same hour of each. Zero ThrottleAbove never
// throttles.
type Anomaly struct {
	Baseline      terms.Span    `key:"baseline" need:"yes" doc:"how far back traffic is compared, in whole weeks: 7d to 28d"`
	AlertAbove    terms.Percent `key:"alert_above" need:"yes" doc:"of the baseline"`
	ThrottleAbove terms.Percent `key:"throttle_above" doc:"of the baseline"`
}

// Audit says how evidence is kept.
type Audit struct {
	Retention terms.Span `key:"retention" need:"yes" doc:"how long evidence is kept"`
	Lock      string     `key:"lock" need:"yes" oneof:"none|governance|compliance" doc:"who can shorten that: anyone, administrators, nobody"`
	Debug     bool       `key:"debug" doc:"true: full debug logging; only with synthetic data"`
	Logs      terms.Span `key:"logs" need:"yes" doc:"how long operational logs are kept"`
}
