package attest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxTemplate is the largest template that is read, in bytes: CloudFormation's own bound
// (CloudFormation User Guide, cloudformation-limits).
const MaxTemplate = 1 << 20

// TemplateDigest is what a template is called, however it is spaced: the digest of its canonical
// form (RFC 8785). A template that names anything twice has none, because readers would not
// agree on which counts, and neither has one in YAML.
func TemplateDigest(template []byte) (string, error) {
	if len(template) > MaxTemplate {
		return "", fmt.Errorf("the template has %d bytes, more than CloudFormation takes (%d)", len(template), MaxTemplate)
	}
	v := jsontext.Value(slices.Clone(template))
	if err := v.Canonicalize(); err != nil {
		return "", fmt.Errorf("the template is no JSON that everybody reads alike: %w", err)
	}
	return Digest(v), nil
}

// Lies is the key below a prefix of an account's asset bucket under which what was attested of a
// template is found, by the template's digest.
func Lies(prefix, digest string) string { return prefix + "attestations/" + digest + ".json" }

// Covers reports why an attestation does not let a template be deployed as a stack; nil where it
// does. content answers the digest of an object of the asset bucket, as it lies there now: every
// object that the template has code or another template from must be one that was attested,
// unchanged.
func (a Attestation) Covers(stack string, template []byte, content func(bucket, key string) (string, error)) error {
	digest, err := TemplateDigest(template)
	if err != nil {
		return err
	}
	attested, found := a.subject(Template + stack)
	switch {
	case !found:
		return fmt.Errorf("release %s has no stack %s", short(a.Release), stack)
	case attested != digest:
		return fmt.Errorf("the template of %s is not the one that was judged: %s, where release %s has %s", stack, short(digest), short(a.Release), short(attested))
	}
	for _, o := range objects(template) {
		if err := a.coversObject(o, content); err != nil {
			return fmt.Errorf("%s: %w", stack, err)
		}
	}
	return nil
}

func (a Attestation) coversObject(o object, content func(bucket, key string) (string, error)) error {
	attested, found := a.subject(Object + o.key)
	if !found {
		return fmt.Errorf("its template takes %s, which release %s does not have", o.key, short(a.Release))
	}
	is, err := content(o.bucket, o.key)
	switch {
	case err != nil:
		return fmt.Errorf("%s cannot be looked at: %w", o.key, err)
	case is != attested:
		return fmt.Errorf("%s is not what was judged: %s, where release %s has %s", o.key, short(is), short(a.Release), short(attested))
	}
	return nil
}

// object is one that a template has something from. A bucket or key that is no plain text is
// empty, and so covered by nothing.
type object struct{ bucket, key string }

// objects is every pair of S3Bucket and S3Key of a template, once.
func objects(template []byte) []object {
	var value any
	if json.Unmarshal(template, &value) != nil {
		return []object{{}}
	}
	found := map[object]bool{}
	walk(value, func(m map[string]any) {
		if key, there := m["S3Key"]; there {
			var o object
			o.bucket, _ = m["S3Bucket"].(string)
			o.key, _ = key.(string)
			found[o] = true
		}
	})
	return slices.SortedFunc(maps.Keys(found), func(a, b object) int { return slices.Compare([]string{a.bucket, a.key}, []string{b.bucket, b.key}) })
}

func walk(value any, visit func(map[string]any)) {
	switch v := value.(type) {
	case map[string]any:
		visit(v)
		for _, inner := range v {
			walk(inner, visit)
		}
	case []any:
		for _, inner := range v {
			walk(inner, visit)
		}
	}
}
