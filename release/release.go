// Package release is what one run of the pipeline takes through the environments: a declaration,
// the assembly that was synthesized from it, and a manifest of both, whose digest is the
// release's name. [Judge] says what a release means for one environment. It knows declarations,
// proofs and what is attested; it knows no pipeline, no key and no AWS. Start with [Make].
package release

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"remit/assembly"
	"remit/attest"
	"remit/platform"
	"remit/platform/load"
	"remit/terms"
)

// Where things are in a release.
const (
	ManifestFile   = "manifest.json"
	DeclarationDir = "declaration"
	AssemblyDir    = "assembly"
)

// Manifest names a release: what it was made from, by what, and every file of it.
type Manifest struct {
	Platform string            `json:"platform"`
	Revision string            `json:"revision"` // of the source
	Tool     string            `json:"tool"`     // the digest of what synthesized it
	Files    map[string]string `json:"files"`    // path: SHA-256, in hex
}

// Release is a release whose files are those of its manifest.
type Release struct {
	Manifest
	Digest string // of the manifest
	files  fs.FS
}

// maxManifest is the largest manifest that is read, in bytes.
const maxManifest = 8 << 20

// Make writes the manifest of a directory that holds a declaration and an assembly.
func Make(dir, revision, tool string, today terms.Date) (Release, error) {
	fsys := os.DirFS(dir)
	declared, err := declaration(fsys, today)
	if err != nil {
		return Release{}, err
	}
	if _, err := assembly.Stacks(sub(fsys, AssemblyDir)); err != nil {
		return Release{}, err
	}
	files, err := digests(fsys)
	if err != nil {
		return Release{}, err
	}
	content, err := json.MarshalIndent(Manifest{declared.Name, revision, tool, files}, "", "  ")
	if err != nil {
		return Release{}, err
	}
	if err := os.WriteFile(filepath.Join(dir, ManifestFile), append(content, '\n'), 0o644); err != nil {
		return Release{}, err
	}
	return Read(fsys)
}

// Read reads a release and refuses one with a file more, less or other than its manifest says.
func Read(fsys fs.FS) (Release, error) {
	content, err := fs.ReadFile(fsys, ManifestFile)
	if err != nil {
		return Release{}, fmt.Errorf("this is no release: %w", err)
	}
	r := Release{Digest: attest.Digest(content), files: fsys}
	if r.Manifest, err = Parse(content); err != nil {
		return Release{}, err
	}
	are, err := digests(fsys)
	if err != nil {
		return Release{}, err
	}
	if why := differ(r.Files, are); why != "" {
		return Release{}, fmt.Errorf("release %.12s is not whole: %s", r.Digest, why)
	}
	return r, nil
}

// Parse reads a manifest by itself.
func Parse(content []byte) (Manifest, error) {
	var m Manifest
	if len(content) > maxManifest {
		return m, fmt.Errorf("the manifest has %d bytes; more than %d are not read", len(content), maxManifest)
	}
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, fmt.Errorf("the release's manifest: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return m, errors.New("the release's manifest: something follows it")
	}
	return m, nil
}

func differ(said, are map[string]string) string {
	var why []string
	for _, name := range slices.Sorted(maps.Keys(said)) {
		if is, there := are[name]; !there {
			why = append(why, name+" is missing")
		} else if is != said[name] {
			why = append(why, name+" is another file")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(are)) {
		if _, there := said[name]; !there {
			why = append(why, name+" is not in its manifest")
		}
	}
	return strings.Join(why, "; ")
}

// digests is every file below a directory but the manifest. What is no plain file could be
// another one by the time it is read.
func digests(fsys fs.FS) (map[string]string, error) {
	out := map[string]string{}
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || entry.IsDir() || name == ManifestFile:
			return err
		case !entry.Type().IsRegular():
			return fmt.Errorf("%s is no plain file", name)
		}
		content, err := fs.ReadFile(fsys, name)
		out[name] = attest.Digest(content)
		return err
	})
	return out, err
}

func sub(fsys fs.FS, dir string) fs.FS {
	below, err := fs.Sub(fsys, dir)
	if err != nil {
		panic(err) // the directories are constants
	}
	return below
}

func declaration(fsys fs.FS, today terms.Date) (*platform.Platform, error) {
	return load.FS(sub(fsys, DeclarationDir), DeclarationDir, today)
}

// Declaration is the release's own.
func (r Release) Declaration(today terms.Date) (*platform.Platform, error) {
	return declaration(r.files, today)
}

// Declared is every file of the declaration, by its path in the release.
func (r Release) Declared() (map[string][]byte, error) {
	out := map[string][]byte{}
	for name := range r.Files {
		if !strings.HasPrefix(name, DeclarationDir+"/") {
			continue
		}
		content, err := fs.ReadFile(r.files, name)
		if err != nil {
			return nil, err
		}
		out[name] = content
	}
	return out, nil
}

// Manifested is the text of the manifest, whose digest names the release.
func (r Release) Manifested() ([]byte, error) { return fs.ReadFile(r.files, ManifestFile) }

// Assembly is the release's own.
func (r Release) Assembly() fs.FS { return sub(r.files, AssemblyDir) }

// Stacks is the release's stacks in an environment, in order of their names.
func (r Release) Stacks(p *platform.Platform, environment string) ([]assembly.Stack, error) {
	e, found := p.Environment(environment)
	if !found {
		return nil, fmt.Errorf("the release has no environment %s", environment)
	}
	all, err := assembly.Stacks(r.Assembly())
	if err != nil {
		return nil, err
	}
	accounts := map[string]bool{}
	for _, a := range e.Accounts {
		accounts[string(a.ID)] = true
	}
	return slices.DeleteFunc(all, func(s assembly.Stack) bool { return !accounts[s.Account] }), nil
}

// Subjects is everything of the release that is deployed to an environment: templates, what
// they take from the asset bucket, and images.
func (r Release) Subjects(p *platform.Platform, environment string) ([]attest.Subject, error) {
	stacks, err := r.Stacks(p, environment)
	if err != nil {
		return nil, err
	}
	if len(stacks) == 0 {
		return nil, fmt.Errorf("the release deploys nothing to %s", environment)
	}
	var out []attest.Subject
	dirs := map[string]bool{}
	for _, s := range stacks {
		text, err := fs.ReadFile(r.Assembly(), s.Path)
		if err != nil {
			return nil, err
		}
		digest, err := attest.TemplateDigest(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		out, dirs[path.Dir(s.Path)] = append(out, attest.Of(attest.Template+s.Name, digest)), true
	}
	objects, err := r.objects(dirs)
	if err != nil {
		return nil, err
	}
	return append(append(out, objects...), images(p, environment)...), nil
}

// Attested reports how a release deploys anything else than what was attested; nil where it does
// not. The declaration is the release's own.
func (r Release) Attested(p *platform.Platform, a attest.Attestation) error {
	if a.Release != r.Digest {
		return fmt.Errorf("what was attested is release %.12s, and this is %.12s", a.Release, r.Digest)
	}
	subjects, err := r.Subjects(p, a.Environment)
	if err != nil {
		return err
	}
	same := slices.EqualFunc(subjects, a.Subjects, func(x, y attest.Subject) bool {
		return x.Name == y.Name && x.Digest["sha256"] == y.Digest["sha256"]
	})
	if !same {
		return fmt.Errorf("release %.12s deploys something else to %s than what was attested", r.Digest, a.Environment)
	}
	return nil
}

// objects is what the assemblies in some directories publish, by key. The buckets of an
// environment's accounts hold the same object under the same key, because keys are digests.
func (r Release) objects(dirs map[string]bool) ([]attest.Subject, error) {
	assets, err := assembly.Assets(r.Assembly())
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, a := range assets {
		if !dirs[path.Dir(a.Manifest)] {
			continue
		}
		if a.Packed {
			return nil, fmt.Errorf("%s is packed only when it is deployed, so nobody can say now what will lie there", a.Path)
		}
		digest, there := r.Files[path.Join(AssemblyDir, a.Path)]
		if !there {
			return nil, errors.New(a.Path + " is published and not in the release")
		}
		if other, twice := found[a.Key]; twice && other != digest {
			return nil, fmt.Errorf("%s would be two different objects", a.Key)
		}
		found[a.Key] = digest
	}
	var out []attest.Subject
	for _, key := range slices.Sorted(maps.Keys(found)) {
		out = append(out, attest.Of(attest.Object+key, found[key]))
	}
	return out, nil
}

func images(p *platform.Platform, environment string) []attest.Subject {
	e, _ := p.Environment(environment)
	var out []attest.Subject
	for _, lane := range p.Lanes(e) {
		out = append(out, attest.Of(attest.Image+lane.Agent+"/"+lane.Lane, strings.TrimPrefix(string(lane.Version.Code), "sha256:")))
	}
	return out
}
