package release_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"remit/attest"
	"remit/release"
)

func TestAReleaseIsNamedByTheDigestOfAManifestThatNamesEveryFile(t *testing.T) {
	dir := laid(t)
	r := made(t, dir)
	text, err := os.ReadFile(filepath.Join(dir, release.ManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	if r.Digest != attest.Digest(text) || r.Platform != "harbor" || r.Revision != "c0ffee" || r.Tool != "tool-1" {
		t.Errorf("%+v", r.Manifest)
	}
	files := 0
	err = filepath.WalkDir(dir, func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, _ := filepath.Rel(dir, name)
		content, err := os.ReadFile(name)
		if relative != release.ManifestFile && r.Files[filepath.ToSlash(relative)] != attest.Digest(content) {
			t.Errorf("%s is not what the manifest names", relative)
		}
		files++
		return err
	})
	if err != nil || files != len(r.Files)+1 {
		t.Errorf("%d files, and the manifest names %d: %v", files, len(r.Files), err)
	}
	again, err := release.Read(os.DirFS(dir))
	if err != nil || again.Digest != r.Digest || !reflect.DeepEqual(again.Manifest, r.Manifest) {
		t.Errorf("it is read as %s, %v", again.Digest, err)
	}
	if twice := made(t, dir); twice.Digest != r.Digest {
		t.Errorf("made twice, it has two names: %s and %s", r.Digest, twice.Digest)
	}
}

func TestWhatIsReadIsWhatWasMadeOrNothing(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, dir string)
		why   string
	}{
		"as it was made": {func(*testing.T, string) {}, ""},
		"a file more": {func(t *testing.T, dir string) { write(t, filepath.Join(dir, "assembly", "x.template.json"), "{}") },
			"is not whole: assembly/x.template.json is not in its manifest"},
		"a file beside both": {func(t *testing.T, dir string) { write(t, filepath.Join(dir, "x"), "") },
			"is not whole: x is not in its manifest"},
		"a file less": {func(t *testing.T, dir string) { gone(t, filepath.Join(dir, "declaration", "qa.yaml")) },
			"is not whole: declaration/qa.yaml is missing"},
		"a file changed": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "assembly", "assembly-live", "f.zip"), "evil")
		},
			"is not whole: assembly/assembly-live/f.zip is another file"},
		"each at once": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "x"), "")
			write(t, filepath.Join(dir, "assembly", "assembly-live", "f.zip"), "evil")
			gone(t, filepath.Join(dir, "declaration", "qa.yaml"))
		}, "is not whole: assembly/assembly-live/f.zip is another file; declaration/qa.yaml is missing; x is not in its manifest"},
		"a link": {func(t *testing.T, dir string) {
			file := filepath.Join(dir, "assembly", "assembly-live", "f.zip")
			if err := os.Rename(file, filepath.Join(t.TempDir(), "f.zip")); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("/etc/hostname", file); err != nil {
				t.Fatal(err)
			}
		}, "assembly/assembly-live/f.zip is no plain file"},
		"a linked directory": {func(t *testing.T, dir string) {
			if err := os.Symlink(t.TempDir(), filepath.Join(dir, "assembly", "more")); err != nil {
				t.Fatal(err)
			}
		}, "assembly/more is no plain file"},
		"no manifest": {func(t *testing.T, dir string) { gone(t, filepath.Join(dir, release.ManifestFile)) }, "this is no release: "},
		"an unknown member": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, release.ManifestFile), `{"platform":"harbor","sign":"no"}`)
		},
			`the release's manifest: json: unknown field "sign"`},
		"no JSON":        {func(t *testing.T, dir string) { write(t, filepath.Join(dir, release.ManifestFile), "release") }, "the release's manifest: invalid character"},
		"two in one":     {func(t *testing.T, dir string) { twice(t, filepath.Join(dir, release.ManifestFile)) }, "the release's manifest: something follows it"},
		"a bracket more": {func(t *testing.T, dir string) { write(t, filepath.Join(dir, release.ManifestFile), "{}}") }, "the release's manifest: something follows it"},
		"without end": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, release.ManifestFile), strings.Repeat(" ", 8<<20)+"{}")
		}, "the manifest has 8388610 bytes; more than 8388608 are not read"},
		"another name": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, release.ManifestFile), `{"platform":"harbor"}`)
		}, "is not in its manifest"},
	} {
		dir := laid(t)
		made(t, dir)
		c.spoil(t, dir)
		r, err := release.Read(os.DirFS(dir))
		if (err == nil) != (c.why == "") || err != nil && !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v, not %q", name, err, c.why)
		}
		if err != nil && r.Digest != "" {
			t.Errorf("%s: something of it is handed out: %s", name, r.Digest)
		}
	}
}

func gone(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func twice(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(text)+string(text))
}

func TestOnlyADeclarationAndAnAssemblyMakeARelease(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, dir string)
		why   string
	}{
		"no declaration": {func(t *testing.T, dir string) { gone(t, filepath.Join(dir, "declaration", "platform.yaml")) }, "platform.yaml"},
		"a wrong one": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "declaration", "live.yaml"), "environment: live\n")
		}, "declaration/live.yaml"},
		"no assembly": {func(t *testing.T, dir string) { gone(t, filepath.Join(dir, "assembly", "manifest.json")) }, "cloud assembly: "},
		"a template less": {func(t *testing.T, dir string) {
			gone(t, filepath.Join(dir, "assembly", "assembly-live", "harbor-live-claims.template.json"))
		}, "template of harbor-live-claims"},
	} {
		dir := laid(t)
		c.spoil(t, dir)
		if r, err := release.Make(dir, "c0ffee", "tool-1", today); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s makes %q, %v", name, r.Digest, err)
		}
		if _, err := os.Stat(filepath.Join(dir, release.ManifestFile)); err == nil {
			t.Errorf("%s: a manifest was written", name)
		}
	}
}

// canonical is the template of a stack as RFC 8785 spells it.
func canonical(name string) string {
	return fmt.Sprintf(`{"Resources":{"Layer":{"Properties":{"Content":{"S3Bucket":"assets","S3Key":"stacks/f.zip"}},"Type":"AWS::Lambda::LayerVersion"},"Queue":{"Properties":{"QueueName":"%s"},"Type":"AWS::SQS::Queue"}}}`, name)
}

func TestASubjectIsEachTemplateObjectAndImageOfTheEnvironmentAndNoOther(t *testing.T) {
	r := made(t, laid(t))
	got, err := r.Subjects(declared(t, r), "live")
	want := []attest.Subject{
		subject(t, attest.Template, "harbor-live-claims", canonical("harbor-live-claims")),
		subject(t, attest.Template, "harbor-live-platform", canonical("harbor-live-platform")),
		subject(t, attest.Object, "stacks/f.zip", "the code of live"),
		attest.Of("image/claims-intake/stable", strings.Repeat("1", 64)),
		attest.Of("image/claims-intake/canary", strings.Repeat("4", 64)),
		attest.Of("image/fraud-signal-reader/stable", strings.Repeat("5", 64)),
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

func TestWhatNobodyCanSayBeforehandIsNoSubject(t *testing.T) {
	manifest := filepath.Join("assembly", "assembly-live", "stacks.assets.json")
	for name, c := range map[string]struct {
		spoil func(t *testing.T, dir string)
		why   string
	}{
		"a directory that is packed later": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, manifest), encoded(t, publishing("f", "zip", "stacks/f.zip")))
		},
			"assembly-live/f is packed only when it is deployed"},
		"a file from elsewhere": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, manifest), encoded(t, publishing("../../../f.zip", "file", "stacks/f.zip")))
		}, "../f.zip is published and not in the release"},
		"one key for two files": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "assembly", "assembly-live", "g.zip"), "other code")
			write(t, filepath.Join(dir, "assembly", "assembly-live", "more.assets.json"), encoded(t, publishing("g.zip", "file", "stacks/f.zip")))
		}, "stacks/f.zip would be two different objects"},
		"an image that is built later": {func(t *testing.T, dir string) { write(t, filepath.Join(dir, manifest), `{"dockerImages":{"x":{}}}`) },
			"an image is built when this is deployed"},
		"a template with a key twice": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "assembly", "assembly-live", "harbor-live-claims.template.json"), `{"Resources":{},"Resources":{}}`)
		}, "harbor-live-claims: the template is no JSON that everybody reads alike"},
		"an environment without a stack": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "assembly", "assembly-live", "manifest.json"), `{"artifacts":{}}`)
		}, "the release deploys nothing to live"},
	} {
		dir := laid(t)
		c.spoil(t, dir)
		r := made(t, dir)
		if got, err := r.Subjects(declared(t, r), "live"); err == nil || !strings.Contains(err.Error(), c.why) || got != nil {
			t.Errorf("%s: %+v, %v, not %q", name, got, err, c.why)
		}
	}
	r := made(t, laid(t))
	if _, err := r.Subjects(declared(t, r), "moon"); err == nil || err.Error() != "the release has no environment moon" {
		t.Errorf("%v", err)
	}
}

func TestAReleaseInHandIsHeldAgainstWhatWasAttestedOfIt(t *testing.T) {
	r := made(t, laid(t))
	p := declared(t, r)
	subjects, err := r.Subjects(p, "live")
	if err != nil {
		t.Fatal(err)
	}
	said := func(change func(*attest.Attestation)) attest.Attestation {
		a := attest.Attestation{Environment: "live", Release: r.Digest, Subjects: slices.Clone(subjects)}
		change(&a)
		return a
	}
	for name, c := range map[string]struct {
		change func(*attest.Attestation)
		why    string
	}{
		"as attested":         {func(*attest.Attestation) {}, ""},
		"another release":     {func(a *attest.Attestation) { a.Release = "c0ffee" }, fmt.Sprintf("what was attested is release c0ffee, and this is %.12s", r.Digest)},
		"another environment": {func(a *attest.Attestation) { a.Environment = "qa" }, fmt.Sprintf("release %.12s deploys something else to qa than what was attested", r.Digest)},
		"no environment":      {func(a *attest.Attestation) { a.Environment = "moon" }, "the release has no environment moon"},
		"a subject less":      {func(a *attest.Attestation) { a.Subjects = a.Subjects[1:] }, fmt.Sprintf("release %.12s deploys something else to live than what was attested", r.Digest)},
		"a subject more":      {func(a *attest.Attestation) { a.Subjects = append(a.Subjects, attest.Of("object/x", "d")) }, fmt.Sprintf("release %.12s deploys something else to live than what was attested", r.Digest)},
		"another digest":      {func(a *attest.Attestation) { a.Subjects[0] = attest.Of(a.Subjects[0].Name, "d") }, fmt.Sprintf("release %.12s deploys something else to live than what was attested", r.Digest)},
	} {
		if err := r.Attested(p, said(c.change)); (err == nil) != (c.why == "") || err != nil && err.Error() != c.why {
			t.Errorf("%s: %v, not %q", name, err, c.why)
		}
	}
}
