package main

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"remit/assembly"
	"remit/grants"
	"remit/iam"
	"remit/live"
	"remit/platform"
	"remit/release"
	"remit/verify"
)

// collectAt is how much the heap of a proof may grow before garbage is collected, in percent: a
// proof is over in a second and keeps little of what it makes.
const collectAt = 400

func prove(c *command, arguments []string) error {
	if c.attestation != "" {
		return proveAttestation(c, arguments)
	}
	debug.SetGCPercent(collectAt)
	p, err := c.platformFlag()
	if err != nil {
		return err
	}
	if len(arguments) == 0 {
		return c.proveIntended(p)
	}
	read, err := c.readWorlds(arguments, p)
	if err != nil {
		return err
	}
	if p != nil {
		read.strangers(p)
	}
	return c.verdict(verify.Case{World: read.World, Platform: p, Unreadable: read.unread(), Assumes: read.assumes, Today: today()})
}

// platformFlag is the declaration of --platform, nil where none is given.
func (c *command) platformFlag() (*platform.Platform, error) {
	if c.platform == "" {
		return nil, nil
	}
	return declaration([]string{c.platform})
}

// proveIntended judges what a declaration intends, without Node and without templates.
func (c *command) proveIntended(p *platform.Platform) error {
	if p == nil {
		var err error
		if p, err = declaration(nil); err != nil {
			return err
		}
	}
	environments, err := c.environmentsOf(p)
	if err != nil {
		return err
	}
	var w iam.World
	for _, e := range environments {
		w = w.Plus(grants.Intended(p, e.Name))
	}
	if c.env == "" {
		w = w.Plus(grants.Shared(p))
	}
	return c.verdict(verify.Case{World: w, Platform: p, Today: today(),
		Assumes: []string{"this is what the declaration intends; that templates say the same is for remit verify DIRECTORY to show"}})
}

func (c *command) verdict(of verify.Case) error {
	report := verify.Judge(of)
	text := report.Text(names(of.Platform))
	if c.sarif {
		text = string(report.SARIF(version))
	}
	if err := c.print(report, text); err != nil {
		return err
	}
	if !report.Clean() {
		return errFindings
	}
	return nil
}

// names is what every declared account is called.
func names(p *platform.Platform) map[string]string {
	out := map[string]string{}
	if p == nil {
		return out
	}
	for _, e := range p.Environments {
		for _, a := range e.Accounts {
			out[string(a.ID)] = e.Name + " " + a.Purpose
		}
	}
	if p.Shared != nil {
		for _, a := range p.Shared.Accounts {
			out[string(a.ID)] = a.Purpose
		}
	}
	return out
}

// worlds is what some assemblies and templates amount to together.
type worlds struct {
	iam.World
	unreadable []assembly.Unreadable
	assumes    []string
}

func (w worlds) unread() []verify.Unreadable {
	var out []verify.Unreadable
	for _, u := range w.unreadable {
		out = append(out, verify.Unreadable(u))
	}
	return out
}

// readWorlds reads cloud assemblies (a directory with manifest.json), directories of
// templates, template files, and exports of live accounts. Resources are deployed together,
// so that one stack's imports find another's exports.
//
// Where a declaration is given, accounts whose own bootstrap is not among them have the one that
// the declaration intends.
func (c *command) readWorlds(paths []string, p *platform.Platform) (worlds, error) {
	var stacks []assembly.Stack
	var accounts worlds
	for _, path := range paths {
		if is, err := accounts.export(path); is || err != nil {
			if err != nil {
				return worlds{}, err
			}
			continue
		}
		found, err := c.readStacks(path)
		if err != nil {
			return worlds{}, err
		}
		stacks = append(stacks, found...)
	}
	intended, err := notAmong(stacks, accounts.World, p)
	if err != nil {
		return worlds{}, err
	}
	var out worlds
	out.World, out.unreadable = assembly.World(append(stacks, intended...))
	out.World, out.unreadable, out.assumes = out.World.Plus(accounts.World), append(out.unreadable, accounts.unreadable...), accounts.assumes
	if len(intended) > 0 {
		out.assumes = append(out.assumes, "each account's bootstrap is what remit bootstrap prints")
	}
	for _, s := range stacks {
		if n := len(s.Template.Parameters); n > 0 && !onlyBootstrapVersion(s) {
			out.assumes = append(out.assumes, fmt.Sprintf("%s of %s at their defaults", count(n, "parameter"), s.Name))
		}
		if strings.HasPrefix(s.Account, "<") {
			out.assumes = append(out.assumes, s.Name+" is deployed to one account, which it does not name")
		}
	}
	return out, nil
}

// notAmong is the bootstraps of those accounts that are spoken of without theirs.
func notAmong(stacks []assembly.Stack, live iam.World, p *platform.Platform) ([]assembly.Stack, error) {
	if p == nil {
		return nil, nil
	}
	all, err := release.Bootstraps(p)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(b assembly.Stack) bool {
		deployed := slices.ContainsFunc(stacks, func(s assembly.Stack) bool { return s.Account == b.Account })
		given := slices.ContainsFunc(stacks, func(s assembly.Stack) bool { return s.Account == b.Account && s.Name == b.Name })
		exported := slices.ContainsFunc(live.Roles, func(r iam.Role) bool { return r.ARN.Account() == b.Account })
		return !deployed || given || exported
	}), nil
}

// export adds a live account, if the path is an export of one.
func (w *worlds) export(path string) (bool, error) {
	text, err := os.ReadFile(path)
	if err != nil || !live.IsExport(text) {
		return false, nil // a directory, a template, or nothing, which is said where it is read as one
	}
	account, unread, err := live.Export(path, text)
	if err != nil {
		return true, usage{err.Error()}
	}
	w.World = w.World.Plus(account)
	for _, u := range unread {
		w.unreadable = append(w.unreadable, assembly.Unreadable{Stack: path, LogicalID: u.Whose, What: "a principal or policy of a live account", Why: u.Why})
	}
	w.assumes = append(w.assumes, path+" is the account as it was exported; no resource's own policy is in an export")
	return true, nil
}

// onlyBootstrapVersion: CDK adds that parameter to every template, and nothing depends on it.
func onlyBootstrapVersion(s assembly.Stack) bool {
	_, is := s.Template.Parameters["BootstrapVersion"]
	return is && len(s.Template.Parameters) == 1
}

func (c *command) readStacks(path string) ([]assembly.Stack, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, usage{fmt.Sprintf("there is nothing at %s; name an assembly, a directory of templates or a template", path)}
	}
	if !info.IsDir() {
		s, err := c.readTemplate(path)
		return []assembly.Stack{s}, err
	}
	if _, err := os.Stat(filepath.Join(path, "manifest.json")); err == nil {
		return assembly.Stacks(os.DirFS(path))
	}
	var out []assembly.Stack
	err = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !slices.Contains([]string{".json", ".yaml", ".yml", ".template"}, filepath.Ext(name)) {
			return err
		}
		s, err := c.readTemplate(name)
		out = append(out, s)
		return err
	})
	if err == nil && len(out) == 0 {
		err = usage{fmt.Sprintf("%s holds no manifest.json and no template", path)}
	}
	return out, err
}

// readTemplate reads a template, which says neither account nor region: the flags do, or
// symbols stand for both.
func (c *command) readTemplate(path string) (assembly.Stack, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return assembly.Stack{}, err
	}
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	s, err := assembly.Parse(text, strings.TrimSuffix(name, ".template"), c.account, c.region)
	s.Path = path
	return s, err
}

// strangers says which accounts of the templates are in no line of the declaration.
func (w *worlds) strangers(p *platform.Platform) {
	known, found := names(p), map[string]bool{}
	for _, r := range w.Roles {
		if account := r.ARN.Account(); known[account] == "" {
			found[account] = true
		}
	}
	for _, account := range slices.Sorted(maps.Keys(found)) {
		w.assumes = append(w.assumes, "account "+account+" is not in the declaration; it is judged as a stranger's")
	}
}
