package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	"remit/assembly"
	"remit/grants"
	"remit/iam"
	"remit/live"
	"remit/platform"
)

// comparedSite is what compare says of one account.
type comparedSite struct {
	Environment string `json:"environment"`
	Purpose     string `json:"purpose"`
	Account     string `json:"account"`
	Roles       int    `json:"roles"`
	Policies    int    `json:"policies"`
	Tables      int    `json:"tables"`
	Keys        int    `json:"keys"`

	physical    map[iam.ARN]iam.ARN // a key's symbol → the key that CloudFormation made
	Differences []string            `json:"differences"`
}

// comparison is the whole answer. NotCompared says what was not looked at, and why: a
// comparison that hides its gaps would be read as more than it is.
type comparison struct {
	Endpoint    string         `json:"endpoint"`
	Sites       []comparedSite `json:"accounts"`
	NotCompared []string       `json:"not_compared"`
}

var notCompared = []string{
	"the asset bucket's policy, image repositories, log groups and registrations: compared in their templates by the tests, not read back",
	"whether invocations of models are logged: looked at in an account of AWS, where a meter listens; the embedded AWS invokes none",
	"settings of runtimes and endpoints: the embedded AWS keeps them as records that it validated against AWS's schema, and runs nothing",
	"whether AWS enforces any of it: an emulator's permission decisions prove nothing",
}

// noStandIns is added where the resource policies of runtimes cannot be read.
const noStandIns = "resource policies of runtimes and endpoints: this endpoint is not the embedded AWS, and reading them from AgentCore itself is not built"

// compareTimeout bounds one account's reading; an account has some dozens of roles.
const compareTimeout = 2 * time.Minute

func compare(c *command, arguments []string) error {
	if c.assembly == "" {
		return usage{"--assembly is missing: the directory cdk synth wrote"}
	}
	stacks, err := assembly.Stacks(os.DirFS(c.assembly))
	if err != nil {
		return usage{fmt.Sprintf("%s is no synthesized assembly: %v", c.assembly, err)}
	}
	out := comparison{Endpoint: os.Getenv("AWS_ENDPOINT_URL"), NotCompared: notCompared}
	if c.env == sharedAccounts {
		return c.compareShared(arguments, out)
	}
	different, standIns := false, true
	err = c.eachSite(arguments, func(p *platform.Platform, e platform.Environment, site platform.Site) error {
		fmt.Fprintf(c.err, "remit: reading %s %s\n", e.Name, site.Purpose)
		compared, embedded, err := compareSite(p, e, site, stacks, out.Endpoint)
		if err != nil {
			return err
		}
		standIns, different = standIns && embedded, different || len(compared.Differences) > 0
		out.Sites = append(out.Sites, compared)
		return nil
	})
	if err != nil {
		return err
	}
	if !standIns {
		out.NotCompared = append([]string{noStandIns}, notCompared...)
	}
	if err := c.print(out, out.text()); err != nil {
		return err
	}
	if different {
		return errFindings
	}
	return nil
}

// compareSite reads one account back. embedded is true where the endpoint also answers what
// it only keeps as records.
func compareSite(p *platform.Platform, e platform.Environment, site platform.Site, stacks []assembly.Stack, endpoint string) (out comparedSite, embedded bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), compareTimeout)
	defer cancel()
	session, err := signIn(ctx, site)
	if err != nil {
		return out, false, err
	}
	out = newCompared(e.Name, site)
	found, err := live.World(ctx, awsiam.NewFromConfig(session), platform.RolePath)
	if err != nil {
		return out, false, err
	}
	records, embedded, err := live.StandIns(ctx, endpoint, string(site.Account))
	if err != nil {
		return out, false, err
	}
	kinds := []string{"managed", "AWS::KMS::Key"}
	if embedded {
		policies, err := live.ResourcePolicies(records)
		if err != nil {
			return out, false, err
		}
		found.Policies = append(found.Policies, policies...)
		kinds = append(kinds, "AWS::BedrockAgentCore::Runtime", "AWS::BedrockAgentCore::RuntimeEndpoint")
	}
	out.Roles, out.Policies = len(found.Roles), len(found.Policies)
	intended := grants.Intended(p, e.Name).In(string(site.Account))
	if err := out.keys(ctx, session, intended, &found); err != nil {
		return out, false, err
	}
	if err := out.tables(ctx, session, tablesOf(p, e, site), stacks); err != nil {
		return out, false, err
	}
	if grants.Meters(p, e) && site.Purpose == platform.PlatformAccount && !embedded {
		group, err := live.ModelLogs(ctx, bedrock.NewFromConfig(session))
		if err != nil {
			return out, false, err
		}
		out.Differences = append(out.Differences, unlogged(e.ModelLogs.Group, group)...)
	}
	for _, d := range iam.Diff(readable(intended, kinds), found) {
		out.Differences = append(out.Differences, d.String())
	}
	return out, embedded, nil
}

func newCompared(environment string, site platform.Site) comparedSite {
	return comparedSite{Environment: environment, Purpose: site.Purpose, Account: string(site.Account), Differences: []string{}, physical: map[iam.ARN]iam.ARN{}}
}

// compareShared reads the pipeline's account back, with the credentials of its administrator: no
// role there is for looking.
func (c *command) compareShared(arguments []string, out comparison) error {
	p, err := declaration(arguments)
	if err != nil {
		return err
	}
	site, err := pipelineSite(p)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), compareTimeout)
	defer cancel()
	if _, err := callerOf(ctx, site); err != nil {
		return err
	}
	fmt.Fprintf(c.err, "remit: reading %s %s\n", sharedAccounts, site.Purpose)
	session, err := credentialsOf(ctx, site)
	if err != nil {
		return err
	}
	found, err := live.World(ctx, awsiam.NewFromConfig(session), platform.RolePath)
	if err != nil {
		return err
	}
	compared, intended := newCompared(sharedAccounts, site), grants.Shared(p).In(string(site.Account))
	compared.Roles, compared.Policies = len(found.Roles), len(found.Policies)
	if err := compared.keys(ctx, session, intended, &found); err != nil {
		return err
	}
	for _, d := range iam.Diff(readable(intended, []string{"managed", "AWS::KMS::Key"}), found) {
		compared.Differences = append(compared.Differences, d.String())
	}
	out.Sites = []comparedSite{compared}
	if err := c.print(out, out.text()); err != nil {
		return err
	}
	if len(compared.Differences) > 0 {
		return errFindings
	}
	return nil
}

// unlogged says that what direct agents use is not logged where their meter listens, and what
// to do: the setting is the account owner's, and nothing here changes it.
func unlogged(declared, group string) []string {
	switch group {
	case declared:
		return nil
	case "":
		return []string{"invocations of models are not logged to CloudWatch, so direct agents run unmetered: have the account's owner log them to " + declared + " (aws bedrock put-model-invocation-logging-configuration)"}
	}
	return []string{"invocations of models are logged to " + group + ", and the meter listens to " + declared + ": declare model_logs: {group: " + group + "}"}
}

// readable leaves out the kinds of policy that nothing here reads back.
func readable(w iam.World, kinds []string) iam.World {
	kept := iam.World{Roles: w.Roles}
	for _, policy := range w.Policies {
		if slices.Contains(kinds, policy.Kind) {
			kept.Policies = append(kept.Policies, policy)
		}
	}
	return kept
}

// credentialsOf are the caller's own, in the site's region.
func credentialsOf(ctx context.Context, site platform.Site) (aws.Config, error) {
	own, err := config.LoadDefaultConfig(ctx, config.WithRegion(site.Region), config.WithLogger(logging.Nop{})) // what fails is returned; the SDK's talk is not ours
	if err != nil {
		return aws.Config{}, fmt.Errorf("AWS credentials: %w", err)
	}
	return own, nil
}

// callerOf is who runs this, as AWS knows them. It fails in another account: what is meant
// for one environment must not reach another.
func callerOf(ctx context.Context, site platform.Site) (string, error) {
	own, err := credentialsOf(ctx, site)
	if err != nil {
		return "", err
	}
	who, err := sts.NewFromConfig(own).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", fmt.Errorf("AWS credentials: %w", err)
	}
	if aws.ToString(who.Account) != string(site.Account) {
		return "", fmt.Errorf("these credentials are of account %s, and %s is %s", aws.ToString(who.Account), site.Environment, site.Account)
	}
	return aws.ToString(who.Arn), nil
}

// signIn takes the account's lookup role, which reads and does nothing else.
func signIn(ctx context.Context, site platform.Site) (aws.Config, error) {
	own, err := credentialsOf(ctx, site)
	if err != nil {
		return aws.Config{}, err
	}
	lookup := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(own), site.BootstrapRole("lookup"), func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = "remit-compare"
	})
	if _, err := lookup.Retrieve(ctx); err != nil {
		return aws.Config{}, fmt.Errorf("is the account bootstrapped, and may you look into it? %w", err)
	}
	own.Credentials = aws.NewCredentialsCache(lookup)
	return own, nil
}

// table is one table to compare, and the key it is encrypted under.
type table struct {
	stack, name string
	key         iam.ARN
}

// tablesOf is every table of Remit in an account.
func tablesOf(p *platform.Platform, e platform.Environment, site platform.Site) []table {
	if site.Purpose != platform.PlatformAccount {
		return nil
	}
	key := iam.ARN(site.KeyARN(platform.LedgerKeyID))
	out := []table{{site.AccountStack(), site.Ledger(), key}, {site.AccountStack(), site.Directory(), key}}
	for _, agent := range grants.Agents(p, e) {
		if len(grants.Agent(p, agent).Policies) > 0 {
			out = append(out, table{agent.Stack(), agent.MemoryTable(), iam.ARN(agent.MemoryKeyARN())})
		}
	}
	return out
}

// keys reads every key that the world intends, and gives each the symbol under which grants
// speak of it.
func (out *comparedSite) keys(ctx context.Context, session aws.Config, intended iam.World, found *iam.World) error {
	for _, policy := range intended.Policies {
		if policy.Kind != "AWS::KMS::Key" {
			continue
		}
		stack, id, _ := strings.Cut(strings.Trim(policy.ARN.Name(), "<>"), ".")
		physical, err := live.Physical(ctx, cloudformation.NewFromConfig(session), stack, id)
		if err != nil {
			return err
		}
		key, err := live.ReadKey(ctx, kms.NewFromConfig(session), physical)
		if err != nil {
			return err
		}
		out.Keys++
		if key.Encrypts && !key.Rotates {
			out.Differences = append(out.Differences, string(policy.ARN)+": the key does not rotate")
		}
		arn := policy.ARN[:len(policy.ARN)-len(policy.ARN.Name())] + iam.ARN(physical)
		renameKey(found, arn, policy.ARN)
		found.Policies = append(found.Policies, iam.Policy{ARN: policy.ARN, Kind: policy.Kind, Document: key.Policy})
		out.physical[policy.ARN] = arn
	}
	return nil
}

// tables compares each table, and which key encrypts it, with the template.
func (out *comparedSite) tables(ctx context.Context, session aws.Config, declared []table, stacks []assembly.Stack) error {
	for _, t := range declared {
		have, err := live.ReadTable(ctx, dynamodb.NewFromConfig(session), t.name)
		if err != nil {
			return err
		}
		out.Tables++
		out.Differences = append(out.Differences, tableDifferences(t.name, tableFacts(stacks, t), have.Facts)...)
		if want := out.physical[t.key]; have.Key != want {
			out.Differences = append(out.Differences, fmt.Sprintf("table %s: encrypted under %s, want %s", t.name, have.Key, want))
		}
	}
	return nil
}

// renameKey writes the symbol wherever a role names the physical key.
func renameKey(w *iam.World, physical, symbol iam.ARN) {
	for _, r := range w.Roles {
		for _, s := range r.Policy.Statements {
			for i, on := range s.Resources.Of {
				s.Resources.Of[i] = strings.ReplaceAll(on, string(physical), string(symbol))
			}
		}
	}
}

// tableFacts is what the synthesized template says of a table.
func tableFacts(stacks []assembly.Stack, t table) map[string]string {
	for _, s := range stacks {
		if s.Name != t.stack {
			continue
		}
		for _, r := range s.Template.Resources {
			if r.Type == "AWS::DynamoDB::Table" && r.Properties["TableName"] == t.name {
				return templateFacts(r.Properties)
			}
		}
	}
	return map[string]string{}
}

func templateFacts(properties map[string]any) map[string]string {
	inside := func(property, key string) any {
		object, _ := properties[property].(map[string]any)
		return object[key]
	}
	facts := map[string]string{
		"BillingMode":               fmt.Sprint(properties["BillingMode"]),
		"DeletionProtectionEnabled": fmt.Sprint(properties["DeletionProtectionEnabled"]),
		"SSEType":                   fmt.Sprint(inside("SSESpecification", "SSEType")),
		"TimeToLive":                fmt.Sprint(inside("TimeToLiveSpecification", "AttributeName")),
	}
	if inside("PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled") == true {
		facts["PointInTimeRecovery"] = "ENABLED"
	}
	var keys []string
	schema, _ := properties["KeySchema"].([]any)
	for _, k := range schema {
		key, _ := k.(map[string]any)
		keys = append(keys, fmt.Sprintf("%v %v", key["AttributeName"], key["KeyType"]))
	}
	facts["KeySchema"] = strings.Join(keys, ", ")
	return facts
}

func tableDifferences(table string, want, have map[string]string) []string {
	var out []string
	if len(want) == 0 {
		return []string{"table " + table + ": no synthesized template declares it"}
	}
	for _, fact := range []string{"BillingMode", "DeletionProtectionEnabled", "KeySchema", "PointInTimeRecovery", "SSEType", "TimeToLive"} {
		if want[fact] != have[fact] {
			out = append(out, fmt.Sprintf("table %s: %s differs: want %q, have %q", table, fact, want[fact], have[fact]))
		}
	}
	return out
}

func (out comparison) text() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%-14s %-12s %-13s %6s %9s %7s %5s  %s\n", "environment", "account", "id", "roles", "policies", "tables", "keys", "deployed = intended")
	for _, s := range out.Sites {
		verdict := "equal"
		if n := len(s.Differences); n > 0 {
			verdict = count(n, "difference")
		}
		fmt.Fprintf(&text, "%-14s %-12s %-13s %6d %9d %7d %5d  %s\n", s.Environment, s.Purpose, s.Account, s.Roles, s.Policies, s.Tables, s.Keys, verdict)
	}
	for _, s := range out.Sites {
		for _, d := range s.Differences {
			fmt.Fprintf(&text, "\n%s %s: %s\n", s.Environment, s.Purpose, d)
		}
	}
	text.WriteString("\nnot compared:\n")
	for _, gap := range out.NotCompared {
		fmt.Fprintf(&text, "  - %s\n", gap)
	}
	return text.String()
}
