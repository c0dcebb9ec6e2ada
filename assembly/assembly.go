// Package assembly reads CloudFormation: a cloud assembly or single templates, ours or
// anyone's, into an iam.World. It resolves intrinsics to symbolic ARNs of the right
// account and partition, or says UNREADABLE; it never guesses and never drops. It knows
// no declaration. Start with [Read].
package assembly

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"remit/iam"
)

// MaxTemplate is the largest template that is read, in bytes. CloudFormation itself takes
// 1 MB (its quotas page); the rest is room for indentation.
const MaxTemplate = 8 << 20

// Stack is one template and where it is deployed.
type Stack struct {
	Name, Account, Region string
	Path                  string // the file, for people
	Template              Template
}

// Template is the part of a CloudFormation template that is read here. Transform is not
// carried out: what a macro makes of a template is known only when it is deployed.
type Template struct {
	Transform  any
	Parameters map[string]Parameter
	Mappings   map[string]map[string]map[string]any
	Conditions map[string]any
	Resources  map[string]Resource
	Outputs    map[string]Output
}

// Parameter is a template parameter; only its default is known without deploying.
type Parameter struct {
	Type    string
	Default any
}

// Resource is one resource as the template states it.
type Resource struct {
	Type           string
	Properties     map[string]any
	Condition      string
	DeletionPolicy string
	Metadata       map[string]any
}

// Output is a stack's output; Export names it for other stacks of the account.
type Output struct {
	Value  any
	Export struct{ Name any }
}

// Unreadable is something that may hold permissions and could not be read: where, what,
// and why. A proof over a world with unreadable parts proves nothing about them.
type Unreadable struct {
	Stack, LogicalID, What, Why string
}

// String is one line for people.
func (u Unreadable) String() string {
	return fmt.Sprintf("UNREADABLE %s/%s %s: %s", u.Stack, u.LogicalID, u.What, u.Why)
}

// Read reads a cloud assembly, nested ones included, into a world and the list of what in
// it could not be read. The error is for a directory that is no assembly at all.
func Read(fsys fs.FS) (iam.World, []Unreadable, error) {
	stacks, err := Stacks(fsys)
	if err != nil {
		return iam.World{}, nil, err
	}
	w, unreadable := World(stacks)
	return w, unreadable, nil
}

// Stacks reads the templates of a cloud assembly, nested ones included, in name order. It
// fails, naming the file, when a manifest or template is missing, too large or not JSON.
func Stacks(fsys fs.FS) ([]Stack, error) {
	stacks, err := stacksIn(fsys, ".", 0)
	slices.SortFunc(stacks, func(a, b Stack) int { return strings.Compare(a.Name, b.Name) })
	return stacks, err
}

// manifest is the part of a cloud assembly's manifest.json that is read here (CDK cloud
// assembly schema).
type manifest struct {
	Artifacts map[string]struct {
		Type        string
		Environment string
		Properties  struct{ TemplateFile, StackName, DirectoryName string }
	}
}

// maxNesting bounds assemblies inside assemblies; a stage is one level.
const maxNesting = 8

func stacksIn(fsys fs.FS, dir string, depth int) ([]Stack, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("%s: assemblies nested more than %d deep", dir, maxNesting)
	}
	var m manifest
	if err := readJSON(fsys, path.Join(dir, "manifest.json"), &m); err != nil {
		return nil, fmt.Errorf("cloud assembly: %w", err)
	}
	var out []Stack
	for id, artifact := range m.Artifacts {
		switch artifact.Type {
		case "cdk:cloud-assembly":
			nested, err := stacksIn(fsys, path.Join(dir, artifact.Properties.DirectoryName), depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, nested...)
		case "aws:cloudformation:stack":
			s := Stack{Name: artifact.Properties.StackName, Path: path.Join(dir, artifact.Properties.TemplateFile)}
			if s.Name == "" {
				s.Name = id
			}
			if err := readJSON(fsys, s.Path, &s.Template); err != nil {
				return nil, fmt.Errorf("template of %s: %w", s.Name, err)
			}
			s.Account, s.Region = environmentOf(artifact.Environment)
			out = append(out, s)
		}
	}
	return out, nil
}

// environmentOf splits aws://ACCOUNT/REGION. An environment-agnostic stack gets symbols,
// so that nothing in it passes for a known account's.
func environmentOf(text string) (account, region string) {
	account, region, _ = strings.Cut(strings.TrimPrefix(text, "aws://"), "/")
	if account == "" || account == "unknown-account" {
		account = "<account>"
	}
	if region == "" || region == "unknown-region" {
		region = "<region>"
	}
	return account, region
}

func readJSON(fsys fs.FS, name string, into any) error {
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxTemplate+1))
	if err != nil {
		return err
	}
	if len(text) > MaxTemplate {
		return fmt.Errorf("%s: larger than %d bytes", name, MaxTemplate)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Parse reads one template's text, JSON or YAML, as a stack of the given name, account and
// region.
func Parse(text []byte, name, account, region string) (Stack, error) {
	s := Stack{Name: name, Account: account, Region: region, Path: name}
	if len(text) > MaxTemplate {
		return Stack{}, fmt.Errorf("template of %s: larger than %d bytes", name, MaxTemplate)
	}
	if first := bytes.TrimSpace(text); len(first) == 0 || first[0] != '{' {
		var err error
		if text, err = fromYAML(text); err != nil {
			return Stack{}, fmt.Errorf("template of %s: %w", name, err)
		}
	}
	if err := json.Unmarshal(text, &s.Template); err != nil {
		return Stack{}, fmt.Errorf("template of %s: %w", name, err)
	}
	return s, nil
}

// World reads what stacks deployed together amount to: imports of one stack find the
// exports of another in the same account and region.
func World(stacks []Stack) (iam.World, []Unreadable) {
	r := &reader{exports: map[string]any{}}
	for _, s := range stacks {
		r.export(s)
	}
	for _, s := range stacks {
		r.stack(s)
	}
	r.attach()
	return r.world.Canonical(), r.unreadable
}
