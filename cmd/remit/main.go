// Command remit checks, shows and compares declarations. It never starts Node.
//
// Rules of the terminal: results go to standard output, everything said about them to
// standard error. Messages begin with "remit: ", in lower case, without a full stop. --json
// prints the same result for programs, with stable keys. Exit codes: 0 clean, 1 findings,
// 2 misuse. Nothing asks a question.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"remit/pipeline"
	"remit/platform"
	"remit/platform/load"
	"remit/terms"
)

// version is what the CHANGELOG calls this tree.
const version = "0.1.0"

// The exit codes, documented in help.
const (
	clean    = 0
	findings = 1
	misuse   = 2
)

// verb is one thing remit does. run gets the arguments after the verb.
type verb struct {
	name, arguments, summary string
	run                      func(c *command, arguments []string) error
}

var verbs []verb

func init() {
	verbs = []verb{
		{"init", "DIRECTORY", "write a small declaration to begin with", initialize},
		{"check", "[DECLARATION...]", "read declarations and report every problem", check},
		{"show", "tool|agent|role|matrix NAME [DECLARATION]", "print one tool, agent or role, or who may call what", show},
		{"dev", "[DECLARATION]", "serve an environment with synthetic data on loopback: issuer, entry, gateways", developer},
		{"accounts", "[DECLARATION]", "list every account that needs a bootstrap, environment by environment", accounts},
		{"bootstrap", "ENVIRONMENT ACCOUNT [DECLARATION]", "print the template an administrator installs once in an account", printBootstrap},
		{"guardrails", "[template] [DECLARATION]", "print the service control policies above the accounts: to read, or as a template", guardrails},
		{"compare", "--assembly DIR [DECLARATION]", "read deployed accounts back and compare them with what was intended", compare},
		{"verify", "[--platform DECLARATION] [ASSEMBLY|TEMPLATE|EXPORT...] | --attestation FILE --keys DIRECTORY [RELEASE]", "prove that nothing exceeds its remit; without templates, what the declaration intends", prove},
		{"diff", "OLD NEW", "say by meaning what a change grants: assemblies, templates or declarations", difference},
		{"classify", "DEPLOYED CANDIDATE", "say what a change of a declaration needs: nobody, a review, or a named approval, and whose", classify},
		{"promote", "[--back] ENVIRONMENT AGENT LANE [DECLARATION]", "start a lane, change its share or version, make it another lane's, or go back: an edit of one file", promote},
		{"release", "make|evaluated|judge|publish|stacks|record|show|approve|reject ...", "what the pipeline's steps, and the people who approve, do with a release", ofRelease},
		{"can", "[QUESTION]", "who may do what: 'who ACTION RESOURCE', 'what ROLE', 'why ROLE ACTION RESOURCE'", can},
		{"data", "import FILE|set DIRECTORY DATUM|get DIRECTORY DATUM [DECLARATION]", "load and look up who owns what in an environment", data},
		{"budget", "show USER --tenant TENANT [DECLARATION]", "print what a user's and a tenant's day has used", budget},
		{"switches", "[DECLARATION]", "print what is stopped, by whom and why, and until when it is held off", switches},
		{"stop", "lane|tool|user|execution NAME --why REASON [DECLARATION]", "stop it at the next call; undoing that takes two people", stop},
		{"resume", "lane|tool|user NAME --why REASON --until TIME [DECLARATION]", "ask to undo a stop for a while; a second person approves", resume},
		{"raise", "EXECUTION LIMIT BY --why REASON --until TIME [DECLARATION]", "ask to raise a limit of an open execution; a second person approves", raise},
		{"approve", "ID [DECLARATION]", "do what somebody else asked for; this breaks the glass", approve},
		{"version", "", "print the version", printVersion},
		{"help", "", "print this text", help},
	}
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// command is one invocation: its streams, and what its flags say.
type command struct {
	out, err io.Writer
	json     bool
	flags    *flag.FlagSet
	env      string
	assembly string
	platform string
	account  string
	region   string
	sarif    bool
	markdown bool
	port     int

	tenant, reason, until string
	breakGlass            bool
	relations             []string

	from, to, share                                  string
	back, dryRun                                     bool
	run, revision, source, tools, shelf, keys, class string // of release
	attestation                                      string
}

// errFindings makes the exit code 1 without a further message: the findings are the result.
var errFindings = errors.New("findings")

// usage is a mistake in the command line.
type usage struct{ message string }

func (u usage) Error() string { return u.message }

func run(arguments []string, out, errOut io.Writer) int {
	c := &command{out: out, err: errOut}
	c.flags = flag.NewFlagSet("remit", flag.ContinueOnError)
	c.flags.SetOutput(io.Discard)
	c.flags.BoolVar(&c.json, "json", false, "print JSON")
	c.flags.StringVar(&c.env, "env", "", "only this environment")
	c.flags.IntVar(&c.port, "port", 7411, "the loopback port of dev; 0 takes any")
	c.flags.StringVar(&c.platform, "platform", "", "the declaration that templates are judged by")
	c.flags.StringVar(&c.account, "account", "<account>", "the account that lone templates are deployed to")
	c.flags.StringVar(&c.region, "region", "<region>", "the region that lone templates are deployed to")
	c.flags.BoolVar(&c.sarif, "sarif", false, "print findings as SARIF 2.1.0")
	c.flags.BoolVar(&c.markdown, "markdown", false, "print Markdown")
	c.flags.StringVar(&c.assembly, "assembly", "", "the synthesized cloud assembly")
	c.flags.StringVar(&c.tenant, "tenant", "", "the tenant of a user or an owner")
	c.flags.StringVar(&c.reason, "why", "", "the reason, for the record")
	c.flags.StringVar(&c.until, "until", "", "when what is undone is stopped again: a duration, or a time")
	c.flags.BoolVar(&c.breakGlass, "break-glass", false, "come in the break-glass role, for whoever has no other")
	c.flags.StringVar(&c.from, "from", "", "the environment, and perhaps the lane, that a version comes from")
	c.flags.StringVar(&c.to, "to", "", "the lane that a version becomes; with --back, the digest or commit to go back to")
	c.flags.StringVar(&c.share, "share", "", "the part of users that a lane serves")
	c.flags.BoolVar(&c.back, "back", false, "to an earlier version")
	c.flags.BoolVar(&c.dryRun, "dry-run", false, "print what would change, and write nothing")
	c.flags.Func("relation", "NAME=USER,USER of a datum; may come again", func(given string) error { c.relations = append(c.relations, given); return nil })
	c.flags.StringVar(&c.run, "run", os.Getenv(pipeline.Execution), "the run of the pipeline")
	c.flags.StringVar(&c.revision, "revision", os.Getenv(pipeline.Revision), "the commit that a release is made from")
	c.flags.StringVar(&c.source, "source", os.Getenv(pipeline.Source), "the checkout of that commit, with its history")
	c.flags.StringVar(&c.tools, "tools", os.Getenv(pipeline.Tools), "the directory of what synthesized it")
	c.flags.StringVar(&c.shelf, "shelf", "", "a directory that stands for the pipeline's bucket of releases")
	c.flags.StringVar(&c.keys, "keys", "", "a directory with the public key of each who signs, as NAME.pem")
	c.flags.StringVar(&c.attestation, "attestation", "", "a signed attestation, to check by itself or against a release")
	c.flags.StringVar(&c.class, "as", "", "the class of approvers that you agree for")
	rest, err := parse(c.flags, arguments)
	if errors.Is(err, flag.ErrHelp) {
		rest, err = []string{"help"}, nil
	}
	if err != nil {
		fmt.Fprintf(errOut, "remit: %v; remit help lists verbs and flags\n", err)
		return misuse
	}
	name := "help"
	if len(rest) > 0 {
		name, rest = rest[0], rest[1:]
	}
	i := slices.IndexFunc(verbs, func(v verb) bool { return v.name == name })
	if i < 0 {
		fmt.Fprintf(errOut, "remit: unknown verb %q; remit help lists them\n", name)
		return misuse
	}
	err = verbs[i].run(c, rest)
	return c.exit(verbs[i], err)
}

// parse accepts flags before, between and after the other arguments, as people type them.
func parse(flags *flag.FlagSet, arguments []string) ([]string, error) {
	var rest []string
	for {
		if err := flags.Parse(arguments); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			return rest, nil
		}
		rest, arguments = append(rest, flags.Arg(0)), flags.Args()[1:]
	}
}

func (c *command) exit(v verb, err error) int {
	var wrong usage
	var problems load.Problems
	switch {
	case err == nil:
		return clean
	case errors.Is(err, errFindings):
		return findings
	case errors.As(err, &wrong):
		fmt.Fprintf(c.err, "remit: %s\nusage: remit %s %s\n", wrong, v.name, v.arguments)
		return misuse
	case errors.As(err, &problems):
		fmt.Fprint(c.err, problems)
		fmt.Fprintf(c.err, "remit: %s\n", count(len(problems), "problem"))
		return findings
	}
	fmt.Fprintf(c.err, "remit: %v\n", err)
	return findings
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// print writes the result: as JSON where that was asked for, else as text.
func (c *command) print(value any, text string) error {
	if !c.json {
		_, err := io.WriteString(c.out, text)
		return err
	}
	encoder := json.NewEncoder(c.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// defaultDeclaration is what verbs read when no declaration is named.
const defaultDeclaration = "environments"

func today() terms.Date { return terms.Date(time.Now().UTC().Format(time.DateOnly)) }

// declaration loads the one that is named, or the only one there is.
func declaration(arguments []string) (*platform.Platform, error) {
	dir, err := declarationDir(arguments)
	if err != nil {
		return nil, err
	}
	return load.Dir(dir, today())
}

// declarationDir is the declaration's that is named, or of the only one there is.
func declarationDir(arguments []string) (string, error) {
	switch len(arguments) {
	case 0:
		dirs, err := declarations()
		if err != nil {
			return "", err
		}
		if len(dirs) != 1 {
			return "", usage{"which declaration? " + strings.Join(dirs, ", ")}
		}
		return dirs[0], nil
	case 1:
		return arguments[0], isDirectory(arguments[0])
	}
	if err := isDirectory(arguments[0]); err != nil {
		return "", err
	}
	return "", usage{"too many arguments"}
}

// isDirectory keeps a mistyped path from being read as an empty declaration.
func isDirectory(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return usage{fmt.Sprintf("there is no directory %s; a declaration is a directory with platform.yaml", path)}
	case !info.IsDir():
		return usage{fmt.Sprintf("%s is a file; name the declaration's directory, %s", path, filepath.Dir(path))}
	}
	return nil
}

// declarations is every directory below environments/ that has a platform.yaml.
func declarations() ([]string, error) {
	entries, err := os.ReadDir(defaultDeclaration)
	if err != nil {
		return nil, usage{"there is no " + defaultDeclaration + "/ here; name a declaration's directory"}
	}
	var out []string
	for _, e := range entries {
		dir := defaultDeclaration + "/" + e.Name()
		if _, err := os.Stat(dir + "/platform.yaml"); err == nil {
			out = append(out, dir)
		}
	}
	if out == nil {
		return nil, usage{"no directory in " + defaultDeclaration + "/ has a platform.yaml"}
	}
	return out, nil
}

// environmentsOf is the environments a command speaks of: all, or the one of --env.
func (c *command) environmentsOf(p *platform.Platform) ([]platform.Environment, error) {
	if c.env == "" {
		return p.Environments, nil
	}
	e, ok := p.Environment(c.env)
	if !ok {
		return nil, usage{fmt.Sprintf("%s has no environment %q; it has %s", p.Name, c.env, strings.Join(environmentNames(p), ", "))}
	}
	return []platform.Environment{e}, nil
}

func environmentNames(p *platform.Platform) []string {
	var out []string
	for _, e := range p.Environments {
		out = append(out, e.Name)
	}
	return out
}

func printVersion(c *command, _ []string) error {
	return c.print(map[string]string{"version": version}, "remit "+version+"\n")
}

func help(c *command, _ []string) error {
	var out strings.Builder
	out.WriteString("remit keeps AI agents on AWS inside declared limits.\n\n")
	list := make([]map[string]string, 0, len(verbs))
	for _, v := range verbs {
		fmt.Fprintf(&out, "  remit %-55s %s\n", strings.TrimSpace(v.name+" "+v.arguments), v.summary)
		list = append(list, map[string]string{"verb": v.name, "arguments": v.arguments, "summary": v.summary})
	}
	out.WriteString("\nA DECLARATION is a directory with platform.yaml and one file for each environment.\n" +
		"Without one, environments/ is searched: check reads every declaration there, show finds the one\n" +
		"that declares the name, and the other verbs want to be told when there are several.\n" +
		"--json prints the result for programs; --env NAME narrows it to one environment; --port N is dev's.\n" +
		"verify and can judge templates by the declaration of --platform DIR, and without templates what it\n" +
		"intends; lone templates are read as deployed to --account ID and --region NAME; an EXPORT is what\n" +
		"'aws iam get-account-authorization-details' prints of a live account; verify --sarif and\n" +
		"diff --markdown print for code hosts.\n" +
		"verify --attestation FILE asks nobody: it checks who signed what a release is said to be, by the public\n" +
		"keys in --keys (judge.pem, gate.pem), whether it still holds, and whether RELEASE deploys that and no more.\n" +
		"promote edits ENVIRONMENT's file, minimally, prints the change as a diff, and deploys nothing: commit it,\n" +
		"and the pipeline judges it as it judges every change, its evaluation and approvals too, also of --back.\n" +
		"  promote ENV AGENT LANE --share 5%      starts LANE, or changes its share; --share 0% ends it\n" +
		"  promote ENV AGENT LANE                 gives LANE the version of the environment that deploy.from names:\n" +
		"                                         of its LANE, or of its only lane; --from ENV2/LANE2 names another\n" +
		"  promote ENV AGENT LANE --to LANE2      LANE2 runs LANE's version, and LANE ends\n" +
		"  promote --back ENV AGENT LANE          the version before, as git has the file; --to sha256:... (of code or\n" +
		"                                         prompts, at least 8 digits) or --to COMMIT goes back further\n" +
		"promote --dry-run writes nothing.\n" +
		"budget, switches, stop, resume, raise and approve speak to the environment's operating function with\n" +
		"your own AWS credentials, in the role its declaration gives you and under your own name; a user is\n" +
		"named USER with --tenant TENANT, a lane agent/lane; --until takes 2h or 2026-11-24T18:00:00Z.\n" +
		"Exit codes: 0 clean, 1 findings, 2 misuse.\n")
	return c.print(list, out.String())
}
