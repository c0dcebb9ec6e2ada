package policy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"remit/platform/load"
	"remit/policy"
	"remit/terms"
)

// full has every field that a bundle can have, found by reflection, so that a field that is
// added later is tested too.
func full(t testing.TB) []byte {
	t.Helper()
	b := copied(t, minimal)
	tool := b.Tools["find"]
	tool.Text, tool.Audit = true, policy.Audit{Input: "full", Output: "hash", Reasoning: true}
	tool.Input = json.RawMessage(`{"type":"object","properties":{"p":{"pattern":"<&>","multipleOf":0.01,"maximum":12345678901234567890.10}}}`)
	tool.Confirmation, tool.Once = &policy.Confirmation{Seconds: 900}, &policy.Once{Key: []string{"order"}, Seconds: 60, Until: "Closed"}
	tool.Purpose = "find an order – \"quoted\", <b>, \u2028, é"
	b.Constraints = []policy.Constraint{{ID: "one",
		When:   policy.When{Lane: "stable", UserRole: "trainee", UserRoles: []string{"trainee"}, DataClass: "OPEN", Access: terms.Read, Purpose: "ordering", Hours: terms.Hours{From: "22:00", To: "06:00"}},
		Forbid: policy.Forbid{Access: terms.Read, DataClass: "OPEN", Tools: []string{"find"}}}}
	zero(t, "Bundle", reflect.ValueOf(b))
	text, err := b.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte(`"maximum":12345678901234567890.10`)) {
		t.Fatalf("a limit of a schema became another number: %s", text)
	}
	if _, err := policy.Load(text); err != nil {
		t.Fatal(err)
	}
	return text
}

func zero(t testing.TB, path string, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Pointer:
		zero(t, path, v.Elem())
	case reflect.Map:
		for _, k := range v.MapKeys() {
			zero(t, path+"."+k.String(), v.MapIndex(k))
		}
	case reflect.Slice:
		for i := range v.Len() {
			zero(t, path, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				if v.Field(i).IsZero() {
					t.Fatalf("%s.%s is empty here, so nothing is tested about it", path, f.Name)
				}
				zero(t, path+"."+f.Name, v.Field(i))
			}
		}
	}
}

func refused(t *testing.T, name string, text []byte) {
	t.Helper()
	if b, err := policy.Load(text); b != nil || !errors.Is(err, policy.ErrBundle) {
		t.Errorf("%s: the bundle was loaded (%v)\n  %.300s", name, err, text)
	}
}

// canonical writes a decoded value as Canonical does, so that a change is refused for what
// it says and not for how it is written.
func canonical(t testing.TB, value any) []byte {
	t.Helper()
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}

func TestTheCanonicalBytesOfACanonicalBundleAreItself(t *testing.T) {
	texts := [][]byte{full(t)}
	for _, file := range companies(t) {
		p, err := load.Dir(filepath.Dir(file), "2026-11-23")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Environments {
			for _, running := range p.Lanes(e) {
				b := p.Bundle(running)
				text, err := b.Canonical()
				if err != nil {
					t.Fatal(err)
				}
				texts = append(texts, text)
			}
		}
	}
	for seed := range seeds(300) {
		b := roll(seed).bundle()
		text, err := b.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	digests := map[terms.Digest][]byte{}
	for _, text := range texts {
		b, err := policy.Load(text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := b.Canonical()
		if err != nil || !bytes.Equal(again, text) {
			t.Fatalf("a bundle has two canonical forms (%v)\n  %s\n  %s", err, text, again)
		}
		digest := policy.DigestOf(text)
		if err := new(terms.Digest).UnmarshalText([]byte(digest)); err != nil {
			t.Fatalf("%s is no digest: %v", digest, err)
		}
		if other, taken := digests[digest]; taken && !bytes.Equal(other, text) {
			t.Fatal("two bundles have one digest")
		}
		digests[digest] = text
	}
}

func TestTheDigestOfKnownBytesIsTheirSHA256(t *testing.T) {
	if got, want := policy.DigestOf([]byte("abc")), terms.Digest("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"); got != want { // FIPS 180-2, B.1
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestNoByteOfABundleCanChangeWithoutItsDigest(t *testing.T) {
	text := full(t)
	digest := policy.DigestOf(text)
	tried, accepted := 0, 0
	try := func(changed []byte) {
		tried++
		b, err := policy.Load(changed)
		if err != nil {
			if b != nil || !errors.Is(err, policy.ErrBundle) {
				t.Fatalf("a bundle beside %v", err)
			}
			return
		}
		accepted++
		again, err := b.Canonical()
		if err != nil || !bytes.Equal(again, changed) || policy.DigestOf(changed) == digest {
			t.Fatalf("a changed byte was read over\n  %s\n  %s", changed, again)
		}
	}
	for i := range text {
		for bit := range 8 {
			changed := bytes.Clone(text)
			changed[i] ^= 1 << bit
			try(changed)
		}
		try(slices.Delete(bytes.Clone(text), i, i+1))
		try(slices.Insert(bytes.Clone(text), i, ' '))
		try(slices.Insert(bytes.Clone(text), i, text[i]))
		try(text[:i])
	}
	t.Logf("%d changes, %d of them another bundle of another digest", tried, accepted)
	if accepted == 0 || accepted > tried/2 {
		t.Error("either nothing or everything loads")
	}
}

func TestTheSameBundleInOtherBytesIsRefused(t *testing.T) {
	text := full(t)
	var b policy.Bundle
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	declared, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	indented, err := json.MarshalIndent(decoded(t, string(text)), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	refused(t, "keys in the order of Go's fields", declared)
	refused(t, "indented", indented)
	refused(t, "a line end after it", append(bytes.Clone(text), '\n'))
	refused(t, "a space before it", append([]byte(" "), text...))
	refused(t, "a byte order mark", append([]byte("\ufeff"), text...))
	refused(t, "twice", append(bytes.Clone(text), text...))
	for _, c := range [][3]string{
		{"a letter escaped", `"purposes"`, `"\u0070urposes"`}, {"a sign escaped", `<&>`, `\u003c&>`}, {"a key in capitals", `"callers"`, `"Callers"`},
		{"a number with a point", `"format":1`, `"format":1.0`}, {"a number with an exponent", `"seconds":900`, `"seconds":9e2`},
		{"a key twice", `"format":1`, `"format":1,"format":1`}, {"a key twice, of which one is worse", `"never":["card"]`, `"never":["card"],"never":[]`},
		{"a key twice in the input schema", `"pattern":`, `"pattern":"","pattern":`},
		{"a default in words", `"text":true`, `"text":false`}, {"broken UTF-8", "é", "\xe9"},
	} {
		changed := bytes.Replace(text, []byte(c[1]), []byte(c[2]), 1)
		if bytes.Equal(changed, text) {
			t.Fatalf("%s: %q is not in the bundle", c[0], c[1])
		}
		refused(t, c[0], changed)
	}
}

// places visits every object of a decoded bundle but the tools' input schemas, which are
// another language.
func places(path string, value any, visit func(path string, object map[string]any)) {
	switch v := value.(type) {
	case map[string]any:
		visit(path, v)
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if key != "input" || reflect.TypeOf(v[key]).Kind() == reflect.String {
				places(path+"."+key, v[key], visit)
			}
		}
	case []any:
		for _, item := range v {
			places(path+"[]", item, visit)
		}
	}
}

func TestAKeyThatThisBuildDoesNotKnowIsRefusedWhereverItStands(t *testing.T) {
	whole := decoded(t, string(full(t)))
	var visited []string
	places("$", whole, func(path string, object map[string]any) {
		visited = append(visited, path)
		object["zz"] = json.Number("1")
		refused(t, path+".zz", canonical(t, whole))
		delete(object, "zz")
	})
	want := []string{"$", "$.constraints[]", "$.constraints[].forbid", "$.constraints[].when", "$.lane", "$.tools", "$.tools.find", "$.tools.find.audit", "$.tools.find.confirmation", "$.tools.find.datum", "$.tools.find.once"}
	if !slices.Equal(visited, want) {
		t.Errorf("visited %q\n  want %q", visited, want)
	}
}

// Whatever may be absent widens nothing by its absence that its own digest does not name;
// the list is short, and reviewed here.
func TestOnlyTheseKeysMayBeAbsentAndNoneMayBeNullOrOfAnotherType(t *testing.T) {
	whole := decoded(t, string(full(t)))
	var absent, null, mistyped []string
	places("$", whole, func(path string, object map[string]any) {
		for _, key := range slices.Sorted(maps.Keys(object)) {
			was := object[key]
			delete(object, key)
			if _, err := policy.Load(canonical(t, whole)); err == nil {
				absent = append(absent, path+"."+key)
			}
			object[key] = nil
			if _, err := policy.Load(canonical(t, whole)); err == nil {
				null = append(null, path+"."+key)
			}
			for _, other := range []any{true, json.Number("7"), json.Number("0.5"), "", "x", []any{}, []any{nil}, []any{json.Number("7")}, map[string]any{}, map[string]any{"x": nil}} {
				if reflect.TypeOf(other) == reflect.TypeOf(was) {
					continue
				}
				object[key] = other
				if _, err := policy.Load(canonical(t, whole)); err == nil {
					mistyped = append(mistyped, fmt.Sprintf("%s.%s %T", path, key, other))
				}
			}
			object[key] = was
		}
	})
	if want := strings.Fields(`
		$.constraints[].forbid.access $.constraints[].forbid.data_class $.constraints[].forbid.tools
		$.constraints[].when.access $.constraints[].when.data_class $.constraints[].when.hours $.constraints[].when.lane $.constraints[].when.purpose
		$.tools.find $.tools.find.confirmation $.tools.find.cost $.tools.find.datum $.tools.find.never $.tools.find.once $.tools.find.per_user_day $.tools.find.text $.tools.find.unknown_counts
		$.tools.find.audit.reasoning $.tools.find.datum.relation $.tools.find.once.until`); !slices.Equal(absent, want) {
		t.Errorf("may be absent\n  got  %q\n  want %q", absent, want)
	}
	// A null list of callers, purposes, tools or paths admits nobody and lets nothing out.
	if want := strings.Fields(`$.callers $.purposes $.tools $.tools.find.allow $.tools.find.callers $.tools.find.once.key`); !slices.Equal(null, want) {
		t.Errorf("may be null\n  got  %q\n  want %q", null, want)
	}
	if len(mistyped) > 0 {
		t.Errorf("of another type and loaded: %q", mistyped)
	}
}

func TestABundleThatWouldNotMeanWhatItSaysIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(b *policy.Bundle, tool *policy.Tool){
		"another format":                 func(b *policy.Bundle, _ *policy.Tool) { b.Format = policy.Format + 1 },
		"no format":                      func(b *policy.Bundle, _ *policy.Tool) { b.Format = 0 },
		"no lane":                        func(b *policy.Bundle, _ *policy.Tool) { b.Lane = terms.Lane{} },
		"a lane without its platform":    func(b *policy.Bundle, _ *policy.Tool) { b.Lane.Platform = "" },
		"a lane without its environment": func(b *policy.Bundle, _ *policy.Tool) { b.Lane.Environment = "" },
		"a lane without its agent":       func(b *policy.Bundle, _ *policy.Tool) { b.Lane.Agent = "" },
		"a lane without its name":        func(b *policy.Bundle, _ *policy.Tool) { b.Lane.Name = "" },
		"no zone":                        func(b *policy.Bundle, _ *policy.Tool) { b.Day = "" },
		"a zone that is not on the map":  func(b *policy.Bundle, _ *policy.Tool) { b.Day = "Mars/Olympus" },
		"a zone that is a file":          func(b *policy.Bundle, _ *policy.Tool) { b.Day = "../../etc/passwd" },
		"a zone of the machine":          func(b *policy.Bundle, _ *policy.Tool) { b.Day = "Local" },
		"constraints that are null":      func(b *policy.Bundle, _ *policy.Tool) { b.Constraints = nil },
		"a tool that is null":            func(b *policy.Bundle, _ *policy.Tool) { b.Tools["find"] = nil },
		"a tool without a name":          func(b *policy.Bundle, tool *policy.Tool) { b.Tools[""] = tool },
		"a tool without access":          func(_ *policy.Bundle, tool *policy.Tool) { tool.Access = "" },
		"a tool of unknown access":       func(_ *policy.Bundle, tool *policy.Tool) { tool.Access = "Read" },
		"a tool without a class":         func(_ *policy.Bundle, tool *policy.Tool) { tool.DataClass = "" },
		"a tool without a schema":        func(_ *policy.Bundle, tool *policy.Tool) { tool.Input = nil },
		"a schema that is null":          func(_ *policy.Bundle, tool *policy.Tool) { tool.Input = json.RawMessage(`null`) },
		"a schema that is true":          func(_ *policy.Bundle, tool *policy.Tool) { tool.Input = json.RawMessage(`true`) },
		"a datum without a directory":    func(_ *policy.Bundle, tool *policy.Tool) { tool.Datum.Directory = "" },
		"a datum without an argument":    func(_ *policy.Bundle, tool *policy.Tool) { tool.Datum.Argument = "" },
		"a path that is none":            func(_ *policy.Bundle, tool *policy.Tool) { tool.Allow = []string{"$..a"} },
		"a price below zero":             func(_ *policy.Bundle, tool *policy.Tool) { tool.Cost = -1 },
		"a limit below zero":             func(_ *policy.Bundle, tool *policy.Tool) { tool.PerUserDay = -1 },
		"a constraint on a role without its closure": func(b *policy.Bundle, _ *policy.Tool) {
			b.Constraints = []policy.Constraint{{ID: "x", When: policy.When{UserRole: "trainee"}}}
		},
		"a constraint on a role that its closure lacks": func(b *policy.Bundle, _ *policy.Tool) {
			b.Constraints = []policy.Constraint{{ID: "x", When: policy.When{UserRole: "trainee", UserRoles: []string{"lead"}}}}
		},
		"a closure of no role": func(b *policy.Bundle, _ *policy.Tool) {
			b.Constraints = []policy.Constraint{{ID: "x", When: policy.When{UserRoles: []string{"lead"}}}}
		},
		"a constraint on unknown access": func(b *policy.Bundle, _ *policy.Tool) {
			b.Constraints = []policy.Constraint{{ID: "x", Forbid: policy.Forbid{Access: "writes"}}}
		},
		"a constraint in hours that are none": func(b *policy.Bundle, _ *policy.Tool) {
			b.Constraints = []policy.Constraint{{ID: "x", When: policy.When{Hours: terms.Hours{From: "25:00", To: "26:00"}}}}
		},
		"a constraint in one hour without end": func(b *policy.Bundle, _ *policy.Tool) {
			b.Constraints = []policy.Constraint{{ID: "x", When: policy.When{Hours: terms.Hours{From: "08:00", To: "08:00"}}}}
		},
	} {
		b := copied(t, minimal)
		spoil(&b, b.Tools["find"])
		if text, err := b.Canonical(); err == nil {
			refused(t, name, text)
		}
	}
}

func TestTextThatIsNoBundleIsRefused(t *testing.T) {
	for name, text := range map[string][]byte{
		"nothing": nil, "an empty text": {}, "null": []byte("null"), "true": []byte("true"), "a list": []byte("[]"), "an empty object": []byte("{}"), "text": []byte(`""`), "a number": []byte("1"),
		"cut short": full(t)[:200], "deeper than is read": bytes.Repeat([]byte("["), 20_000), "larger than is read": make([]byte, policy.MaxBundle+1),
	} {
		refused(t, name, text)
	}
	if _, err := policy.Load(make([]byte, policy.MaxBundle)); err == nil || strings.Contains(err.Error(), "at most") {
		t.Errorf("the largest bundle that is read is not even looked at: %v", err)
	}
	if _, err := policy.Load(make([]byte, policy.MaxBundle+1)); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("what is larger than is read was read: %v", err)
	}
}

func TestALoadedBundleKeepsNothingOfTheBytesItCameFrom(t *testing.T) {
	text := full(t)
	b, err := policy.Load(text)
	if err != nil {
		t.Fatal(err)
	}
	before, err := b.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	for i := range text {
		text[i] = 'x'
	}
	if after, err := b.Canonical(); err != nil || !bytes.Equal(after, before) {
		t.Errorf("whoever holds the bytes can change the policy (%v)", err)
	}
}

// The empty word is how a request says nothing. A bundle that lists it admits nobody by it.
func TestAnEmptyWordInABundleAdmitsNobody(t *testing.T) {
	b := copied(t, minimal)
	b.Callers, b.Purposes, b.Tools["find"].Callers = []string{"", "clerk"}, []string{"", "ordering"}, []string{"", "clerk"}
	bundle := loaded(t, b)
	for name, spoil := range map[string]func(*policy.Request){
		"an empty role": func(r *policy.Request) { r.User.Roles = []string{""} }, "no purpose": func(r *policy.Request) { r.Purpose = "" }, "no tool": func(r *policy.Request) { r.Tool = "" },
	} {
		r := finding()
		if spoil(&r); bundle.Decide(r).Allowed() {
			t.Errorf("%s was allowed", name)
		}
	}
	if !bundle.Decide(finding()).Allowed() {
		t.Error("and the words beside it must still count")
	}
}

func TestTenThousandToolsLoadAndAreThere(t *testing.T) {
	tools := 10_000
	if testing.Short() { // for many runs
		tools = 1_000
	}
	b := grown(t, tools)
	text, err := b.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Tools) != tools || len(text) > policy.MaxBundle/4 {
		t.Errorf("%d tools in %d bytes; MaxBundle must leave room for tools with long schemas", len(b.Tools), len(text))
	}
	if !b.Decide(callOf(fmt.Sprintf("tool_%d", tools-1), 16)).Allowed() {
		t.Error("the last tool was not found")
	}
}

func BenchmarkLoad(b *testing.B) {
	text, err := grown(b, 10_000).Canonical()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := policy.Load(text); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(full(f))
	text, err := new(minimal).Canonical()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"tools":{"x":null}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := policy.Load(text)
		if err != nil {
			if b != nil || !errors.Is(err, policy.ErrBundle) {
				t.Fatalf("a bundle beside %v", err)
			}
			return
		}
		if again, err := b.Canonical(); err != nil || !bytes.Equal(again, text) {
			t.Fatalf("%v\n  %s\n  %s", err, text, again)
		}
		d := roll(uint64(len(text)))
		for name := range b.Tools {
			r := finding()
			r.Tool = name
			r.Lane = b.Lane
			b.Decide(r)
			for range 5 {
				r := d.request(b)
				r.Tool = name
				if difference := differs(b.Decide(r), naive(b, r)); difference != "" && zones[b.Day] != nil {
					t.Fatalf("%s\n  call %+v\n  of   %s", difference, r, text)
				}
			}
			_, _, _ = b.Filter(name, []byte(`{"structuredContent":{"state":[1]}}`))
		}
		if b.Decide(policy.Request{}).Allowed() {
			t.Fatal("the zero request was allowed")
		}
	})
}
