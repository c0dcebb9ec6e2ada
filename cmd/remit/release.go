package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"remit/attest"
	"remit/platform"
	"remit/platform/load"
	"remit/release"
	"remit/shelf"
	"remit/terms"
)

// releases is what the pipeline's steps and its people do with releases.
var releases = []verb{
	{"make", "RELEASE", "write the manifest of a directory that holds declaration/ and assembly/", makeRelease},
	{"evaluated", "ENVIRONMENT RELEASE RESULT", "sign what an evaluation measured", evaluated},
	{"judge", "ENVIRONMENT RELEASE", "prove and classify a release for an environment, and sign what that comes to", judge},
	{"publish", "ENVIRONMENT fence|stacks RELEASE", "lay what was attested beside what it speaks of, in each account", publish},
	{"stacks", "ENVIRONMENT fence|stacks RELEASE", "print the stacks of one set, as cdk deploy names them", printStacks},
	{"record", "ENVIRONMENT RELEASE", "note what runs in an environment now", record},
	{"show", "ENVIRONMENT RUN [DECLARATION]", "print what was attested, who agreed, and what it waits for", showRelease},
	{"approve", "ENVIRONMENT RUN --as CLASS [DECLARATION]", "agree for a class of approvers, under your own name", approveRelease},
	{"reject", "ENVIRONMENT RUN --why REASON [DECLARATION]", "refuse it, under your own name", rejectRelease},
}

func ofRelease(c *command, arguments []string) error {
	if len(arguments) == 0 {
		return usage{"what of the release?\n" + releaseHelp()}
	}
	i := slices.IndexFunc(releases, func(v verb) bool { return v.name == arguments[0] })
	if i < 0 {
		return usage{fmt.Sprintf("release knows no %q\n%s", arguments[0], releaseHelp())}
	}
	if want := len(strings.Fields(releases[i].arguments)); strings.Count(releases[i].arguments, "[")+strings.Count(releases[i].arguments, "--") == 0 && len(arguments)-1 != want {
		return usage{fmt.Sprintf("release %s takes %s", releases[i].name, releases[i].arguments)}
	}
	return releases[i].run(c, arguments[1:])
}

func releaseHelp() string {
	var out strings.Builder
	for _, v := range releases {
		fmt.Fprintf(&out, "  remit release %-55s %s\n", v.name+" "+v.arguments, v.summary)
	}
	return out.String()
}

func readRelease(dir string) (release.Release, error) {
	if err := isRelease(dir); err != nil {
		return release.Release{}, err
	}
	return release.Read(os.DirFS(dir))
}

func isRelease(dir string) error {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return usage{fmt.Sprintf("there is no directory %s; a release is a directory with declaration/ and assembly/", dir)}
	}
	return nil
}

func makeRelease(c *command, arguments []string) error {
	if c.revision == "" {
		return usage{"--revision is missing: the commit that this is made from"}
	}
	if err := isRelease(arguments[0]); err != nil {
		return err
	}
	tool, err := toolDigest(c.tools)
	if err != nil {
		return err
	}
	made, err := release.Make(arguments[0], c.revision, tool, today())
	if err != nil {
		return err
	}
	return c.print(map[string]string{"release": made.Digest, "revision": made.Revision, "tool": made.Tool}, "release "+made.Digest+" of revision "+made.Revision+"\n")
}

// packed is where what synthesizes leaves what it packed, which is no part of it.
const packed = "packed"

// toolDigest names what synthesizes: every file of the tools that an administrator deployed.
func toolDigest(dir string) (string, error) {
	if dir == "" {
		return "", usage{"--tools is missing: the directory of what synthesized the assembly"}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", usage{fmt.Sprintf("there is no directory of tools at %s: %v", dir, err)}
	}
	defer func() { _ = root.Close() }() // it was only read
	var all strings.Builder
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == packed {
			return fs.SkipDir
		}
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := root.ReadFile(name)
		fmt.Fprintf(&all, "%s %s\n", attest.Digest(content), name)
		return err
	})
	if err == nil && all.Len() == 0 {
		err = fmt.Errorf("there is nothing in %s, and something synthesized this; name the directory of that with --tools", dir)
	}
	return attest.Digest([]byte(all.String())), err
}

// bench is where one release is worked on, by one run of the pipeline.
type bench struct {
	release.Release
	p     *platform.Platform
	shelf shelf.Shelf
	keys  attest.Keys
	run   string
}

// benchOf reads a release and finds the shelf and keys that its declaration names.
func (c *command) benchOf(ctx context.Context, dir string) (bench, error) {
	if c.run == "" {
		return bench{}, usage{"--run is missing: the run of the pipeline, or REMIT_EXECUTION in its steps"}
	}
	r, err := readRelease(dir)
	if err != nil {
		return bench{}, err
	}
	p, err := r.Declaration(today())
	if err != nil {
		return bench{}, err
	}
	at, keys, err := c.shelfOf(ctx, p)
	return bench{r, p, at, keys, c.run}, err
}

// environment is one that the pipeline deploys.
func (b bench) environment(name string) (platform.Environment, error) {
	e, found := b.p.Environment(name)
	if !found || !e.Deploy.ByPipeline() {
		return e, usage{fmt.Sprintf("the pipeline deploys no environment %q of %s", name, b.p.Name)}
	}
	return e, nil
}

// benchIn is a bench for one environment that the pipeline deploys.
func (c *command) benchIn(ctx context.Context, environment, dir string) (bench, platform.Environment, error) {
	b, err := c.benchOf(ctx, dir)
	if err != nil {
		return b, platform.Environment{}, err
	}
	e, err := b.environment(environment)
	return b, e, err
}

// seal signs a statement in somebody's name, with their key in the pipeline's account.
func (b bench) seal(ctx context.Context, by string, statement any) ([]byte, error) {
	signer, err := signerOf(ctx, b.p, by)
	if err != nil {
		return nil, err
	}
	return attest.Seal(ctx, by, signer, statement)
}

// resultFile is what an evaluation writes: everything but what it is of.
type resultFile struct {
	At        time.Time          `json:"at"`
	Data      attest.DataSet     `json:"data"`
	Scores    map[string]float64 `json:"scores"`
	Reference *attest.DataSet    `json:"reference,omitempty"`
}

func evaluated(c *command, arguments []string) error {
	ctx := context.Background()
	b, e, err := c.benchIn(ctx, arguments[0], arguments[1])
	if err != nil {
		return err
	}
	var result resultFile
	if err := readStrictly(arguments[2], &result); err != nil {
		return err
	}
	found := attest.Evaluation{Release: b.Digest, Environment: e.Deploy.From, At: result.At, Data: result.Data, Scores: result.Scores, Reference: result.Reference}
	sealed, err := b.seal(ctx, attest.Evaluator, found.Statement())
	if err != nil {
		return err
	}
	if err := b.shelf.Evaluate(ctx, e.Name, b.run, sealed); err != nil {
		return again(err, "this run has another evaluation already")
	}
	return c.print(found, fmt.Sprintf("signed: the evaluation of release %.12s in %s\n", b.Digest, e.Deploy.From))
}

// again says what it means that something else lies on the shelf already.
func again(err error, says string) error {
	if errors.Is(err, shelf.ErrTaken) {
		return fmt.Errorf("%s; start the pipeline again: %w", says, err)
	}
	return err
}

func judge(c *command, arguments []string) error {
	ctx := context.Background()
	b, e, err := c.benchIn(ctx, arguments[0], arguments[1])
	if err != nil {
		return err
	}
	if done, err := b.judged(ctx, e); done || err != nil {
		return err
	}
	asked, err := b.caseOf(ctx, e, c.source)
	if err != nil {
		return err
	}
	said, warnings, err := release.Judge(asked)
	if err != nil {
		return err
	}
	if err := b.keep(ctx); err != nil {
		return err
	}
	sealed, err := b.seal(ctx, attest.Judge, said.Statement())
	if err != nil {
		return err
	}
	if err := b.shelf.Attest(ctx, e.Name, b.run, sealed); err != nil {
		return again(err, "this run has judged already, otherwise")
	}
	for _, w := range warnings {
		fmt.Fprintf(c.err, "remit: warning: %s\n", w)
	}
	return c.print(said, saidOf(said))
}

// judged is whether this run has judged this very release already, as when a step is tried again.
func (b bench) judged(ctx context.Context, e platform.Environment) (bool, error) {
	sealed, err := b.shelf.Attestation(ctx, e.Name, b.run)
	if errors.Is(err, shelf.ErrAbsent) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	a, err := attest.Attested(ctx, sealed, b.keys, attest.Judge)
	if err != nil {
		return false, err
	}
	if a.Release != b.Digest {
		return false, fmt.Errorf("run %s judged release %.12s, and this is %.12s; start the pipeline again", b.run, a.Release, b.Digest)
	}
	return true, a.For(b.p.Name, e.Name, time.Now())
}

// caseOf gathers what a release is judged by.
func (b bench) caseOf(ctx context.Context, e platform.Environment, source string) (release.Case, error) {
	out := release.Case{Release: b.Release, Environment: e.Name, Execution: b.run, Now: time.Now()}
	var err error
	if out.Running, out.Standing, err = b.shelf.Standing(ctx, e.Name, b.keys); err != nil {
		return out, err
	}
	since := ""
	if out.Standing != nil {
		since = out.Standing.Revision
		if out.Deployed, err = b.declared(ctx, *out.Standing); err != nil {
			return out, err
		}
	}
	if out.Authors, err = authorsOf(source, since, b.Revision); err != nil {
		return out, err
	}
	if e.Deploy.From != "" {
		if out.From, err = b.shelf.Running(ctx, e.Deploy.From); err != nil {
			return out, err
		}
	}
	out.Evaluation, err = b.evaluation(ctx, e)
	return out, err
}

// evaluation is what this run measured; nil where nothing was.
func (b bench) evaluation(ctx context.Context, e platform.Environment) (*attest.Evaluation, error) {
	sealed, err := b.shelf.Evaluation(ctx, e.Name, b.run)
	if errors.Is(err, shelf.ErrAbsent) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found, err := attest.Evaluated(ctx, sealed, b.keys)
	return &found, err
}

// declared is the declaration of a release that lies on the shelf, as it was read on the day on
// which it was judged: what has expired since is no reason not to read it.
func (b bench) declared(ctx context.Context, a attest.Attestation) (*platform.Platform, error) {
	text, err := b.shelf.File(ctx, a.Release, release.ManifestFile)
	if err != nil {
		return nil, err
	}
	if attest.Digest(text) != a.Release {
		return nil, fmt.Errorf("the manifest on the shelf is not that of release %.12s", a.Release)
	}
	m, err := release.Parse(text)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "remit-declaration-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // it was only read
	for name, digest := range m.Files {
		file, is := strings.CutPrefix(name, release.DeclarationDir+"/")
		if !is {
			continue
		}
		content, err := b.shelf.File(ctx, a.Release, file)
		if err != nil {
			return nil, err
		}
		if attest.Digest(content) != digest {
			return nil, fmt.Errorf("%s on the shelf is not that of release %.12s", file, a.Release)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), content, 0o600); err != nil {
			return nil, err
		}
	}
	return load.FS(os.DirFS(dir), "declaration", terms.Date(a.Made.UTC().Format(time.DateOnly)))
}

// keep lays the release's manifest and declaration on the shelf, for whatever comes after it.
func (b bench) keep(ctx context.Context) error {
	files, err := b.Declared()
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := b.shelf.Keep(ctx, b.Digest, filepath.Base(name), content); err != nil {
			return err
		}
	}
	text, err := b.Manifested()
	if err != nil {
		return err
	}
	return b.shelf.Keep(ctx, b.Digest, release.ManifestFile, text)
}

// authorsOf is everybody who wrote a change since a revision, as the repository says: authors,
// committers and co-authors. Without a revision it is everybody.
func authorsOf(source, since, until string) ([]string, error) {
	if source == "" {
		return nil, usage{"--source is missing: the checkout with its history, which says who wrote what"}
	}
	span := until
	if since != "" {
		span = since + ".." + until
	}
	log := exec.Command("git", "-C", source, "log", "--format=%ae%n%ce%n%(trailers:key=Co-authored-by,valueonly)", "--end-of-options", span)
	log.Stderr = nil
	out, err := log.Output()
	if err != nil {
		return nil, fmt.Errorf("who wrote the change? git cannot say what lies between %s and %s in %s; a release follows from what runs: %w", orFirst(since), until, source, err)
	}
	var who []string
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if _, address, named := strings.Cut(line, "<"); named {
			line = strings.TrimSuffix(address, ">")
		}
		if line != "" {
			who = append(who, strings.ToLower(line))
		}
	}
	slices.Sort(who)
	return slices.Compact(who), nil
}

func orFirst(revision string) string {
	if revision == "" {
		return "the first commit"
	}
	return revision
}

// saidOf is an attestation as people read it.
func saidOf(a attest.Attestation) string {
	var out strings.Builder
	fmt.Fprintf(&out, "release %s of revision %s, for %s of %s, in run %s\n", a.Release, a.Revision, a.Environment, a.Platform, a.Execution)
	for _, check := range a.Checks {
		fmt.Fprintf(&out, "  %-12s %s\n", check.Name, check.Says)
	}
	if a.From.Release != "" {
		fmt.Fprintf(&out, "  %-12s the same release runs in %s\n", "passed", a.From.Environment)
	}
	if e := a.Evaluation; e != nil {
		fmt.Fprintf(&out, "  %-12s %s on %s\n", "evaluated", scoresOf(e.Scores), e.Data.ID)
	}
	fmt.Fprintf(&out, "  %-12s %s\n", "class", a.Verdict.Class)
	for _, f := range a.Verdict.Changes {
		fmt.Fprintf(&out, "    %-14s %-12s %s: %s\n", f.Class, f.By, f.Path, f.Reason)
	}
	return out.String()
}

func scoresOf(scores map[string]float64) string {
	var out []string
	for metric, score := range scores {
		out = append(out, fmt.Sprintf("%s %.4g%%", metric, score))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// signers is who has to have signed what is deployed to an environment.
func signers(e platform.Environment) []string {
	if len(e.Deploy.Approvers) > 0 {
		return []string{attest.Judge, attest.Gate}
	}
	return []string{attest.Judge}
}

// sealed is what this run attested of an environment, with every signature that it needs, and
// about this very release.
func (b bench) sealed(ctx context.Context, e platform.Environment) ([]byte, attest.Attestation, error) {
	get := b.shelf.Attestation
	if len(signers(e)) > 1 {
		get = b.shelf.Admission
	}
	text, err := get(ctx, e.Name, b.run)
	if err != nil {
		return nil, attest.Attestation{}, fmt.Errorf("nothing lets release %.12s into %s: %w", b.Digest, e.Name, err)
	}
	a, err := attest.Attested(ctx, text, b.keys, signers(e)...)
	if err != nil {
		return nil, a, err
	}
	if err := a.For(b.p.Name, e.Name, time.Now()); err != nil {
		return nil, a, err
	}
	return text, a, b.Attested(b.p, a)
}

// setOf is the stacks of one of the two sets that are deployed by roles of their own.
func (b bench) setOf(e platform.Environment, set string) ([]stackOf, error) {
	if set != "fence" && set != "stacks" {
		return nil, usage{fmt.Sprintf("%q is no set of stacks; they are fence and stacks", set)}
	}
	stacks, err := b.Stacks(b.p, e.Name)
	if err != nil {
		return nil, err
	}
	var out []stackOf
	for _, s := range stacks {
		site := b.siteOf(e, s.Account)
		if fenced := s.Name == site.FenceStack(); fenced == (set == "fence") {
			text, err := fs.ReadFile(b.Assembly(), s.Path)
			if err != nil {
				return nil, err
			}
			out = append(out, stackOf{s.Name, site, text})
		}
	}
	return out, nil
}

// stackOf is a stack, where it is deployed, and its template.
type stackOf struct {
	name     string
	site     platform.Site
	template []byte
}

func (b bench) siteOf(e platform.Environment, account string) platform.Site {
	for _, a := range e.Accounts {
		if string(a.ID) == account {
			return b.p.Site(e, a.Purpose)
		}
	}
	return platform.Site{}
}

// publish lays the envelope into each account's asset bucket, under the digest of each template
// that it speaks of, where CloudFormation's hook looks for it.
func publish(c *command, arguments []string) error {
	ctx := context.Background()
	b, e, err := c.benchIn(ctx, arguments[0], arguments[2])
	if err != nil {
		return err
	}
	text, a, err := b.sealed(ctx, e)
	if err != nil {
		return err
	}
	stacks, err := b.setOf(e, arguments[1])
	if err != nil {
		return err
	}
	prefix, role := platform.StackAssets, "assets"
	if arguments[1] == "fence" {
		prefix, role = platform.FenceAssets, "fence-assets"
	}
	for _, s := range stacks {
		digest, err := attest.TemplateDigest(s.template)
		if err != nil {
			return err
		}
		if err := lay(ctx, s.site, role, attest.Lies(prefix, digest), text); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return c.print(a, fmt.Sprintf("%s of %s may be deployed: %s\n", arguments[1], e.Name, a.Verdict.Class))
}

func printStacks(c *command, arguments []string) error {
	r, err := readRelease(arguments[2])
	if err != nil {
		return err
	}
	p, err := r.Declaration(today())
	if err != nil {
		return err
	}
	b := bench{Release: r, p: p}
	e, err := b.environment(arguments[0])
	if err != nil {
		return err
	}
	stacks, err := b.setOf(e, arguments[1])
	if err != nil {
		return err
	}
	names := []string{}
	for _, s := range stacks {
		names = append(names, p.Name+"-"+e.Name+"/"+s.name)
	}
	return c.print(names, strings.Join(names, " ")+"\n")
}

func record(c *command, arguments []string) error {
	ctx := context.Background()
	b, e, err := c.benchIn(ctx, arguments[0], arguments[1])
	if err != nil {
		return err
	}
	if _, _, err := b.sealed(ctx, e); err != nil {
		return err
	}
	run := attest.Run{Environment: e.Name, Release: b.Digest, Execution: b.run, At: time.Now().UTC().Truncate(time.Second)}
	if err := b.shelf.Run(ctx, run); err != nil {
		return err
	}
	return c.print(run, fmt.Sprintf("%s runs release %.12s\n", e.Name, b.Digest))
}
