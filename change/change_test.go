package change

import (
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"remit/iam"
	"remit/platform"
	"remit/platform/load"
	"remit/terms"
	"remit/verify"
)

const companies = "../environments"

var read = map[string]*platform.Platform{}

// declared is a company as it is; nobody changes it.
func declared(t *testing.T, company string) *platform.Platform {
	t.Helper()
	if read[company] == nil {
		read[company] = loaded(t, company)
	}
	return read[company]
}

func loaded(t *testing.T, company string) *platform.Platform {
	t.Helper()
	p, err := load.Dir(filepath.Join(companies, company), "2026-11-24")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// copied is a declaration that can be edited: nothing of it is the other's.
func copied(p *platform.Platform) *platform.Platform {
	out := copyOf(reflect.ValueOf(p)).Interface().(*platform.Platform)
	return out
}

func copyOf(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(copyOf(v.Elem()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			out.Field(i).Set(copyOf(v.Field(i)))
		}
	case reflect.Slice:
		for i := range v.Len() {
			out = reflect.Append(out, copyOf(v.Index(i)))
		}
	case reflect.Map:
		if !v.IsNil() {
			out.Set(reflect.MakeMap(v.Type()))
			for _, key := range v.MapKeys() {
				out.SetMapIndex(key, v.MapIndex(key))
			}
		}
	default:
		out.Set(v)
	}
	return out
}

// edit is something people do to a declaration, and what it means. do reports whether there
// was anything to do it to.
type edit struct {
	name  string
	class Class
	by    string
	row   string
	do    func(*platform.Platform, *platform.Environment) bool
}

func on[T any](list []T, do func(*T) bool) bool {
	for i := range list {
		if do(&list[i]) {
			return true
		}
	}
	return false
}

// edits is the table of what people do, each with its class: one for every way a row can go
// that the worked companies have.
var edits = []edit{
	{"another prompt", Automatic, "", "environments.*.lanes.*.*.prompts", func(_ *platform.Platform, e *platform.Environment) bool {
		return on(e.Lanes, func(s *platform.LaneSet) bool {
			return on(s.Lanes, func(l *platform.Lane) bool { l.Prompts = digest("b"); return true })
		})
	}},
	{"another version of the code", Approval, ModelRisk, "environments.*.lanes.*.*.code", func(_ *platform.Platform, e *platform.Environment) bool {
		return on(e.Lanes, func(s *platform.LaneSet) bool {
			return on(s.Lanes, func(l *platform.Lane) bool { l.Code = digest("c"); return true })
		})
	}},
	{"a larger share for the canary", Review, "", "environments.*.lanes.*.*.share", func(_ *platform.Platform, e *platform.Environment) bool {
		return on(e.Lanes, func(s *platform.LaneSet) bool {
			return on(s.Lanes, func(l *platform.Lane) bool { l.Share *= 2; return l.Share > 0 })
		})
	}},
	{"a tool", Approval, Security, "tools.*", func(p *platform.Platform, _ *platform.Environment) bool {
		t := p.Tools[0]
		t.Name += "_more"
		p.Tools = append(p.Tools, t)
		return true
	}},
	{"a tool less", Automatic, "", "tools.*", func(p *platform.Platform, _ *platform.Environment) bool {
		p.Tools = p.Tools[1:]
		return true
	}},
	{"a tool for an agent", Approval, Security, "agents.*.tools[]", func(p *platform.Platform, _ *platform.Environment) bool {
		p.Agents[0].Tools = append(p.Agents[0].Tools, "another")
		return true
	}},
	{"a tool less for an agent", Automatic, "", "agents.*.tools[]", func(p *platform.Platform, _ *platform.Environment) bool {
		p.Agents[0].Tools = p.Agents[0].Tools[1:]
		return true
	}},
	{"a read that becomes a write", Approval, Security, "tools.*.access", func(p *platform.Platform, _ *platform.Environment) bool {
		return on(p.Tools, func(t *platform.Tool) bool { was := t.Access; t.Access = "write"; return was == "read" })
	}},
	{"another data class", Approval, Privacy, "tools.*.data_class", func(p *platform.Platform, _ *platform.Environment) bool {
		p.Tools[0].DataClass += "X"
		return true
	}},
	{"callers more", Approval, Security, "tools.*.callers[]", func(p *platform.Platform, _ *platform.Environment) bool {
		p.Tools[0].Callers = append(p.Tools[0].Callers, "visitor")
		return true
	}},
	{"a field more that leaves", Approval, Privacy, "tools.*.response.allow[]", func(p *platform.Platform, _ *platform.Environment) bool {
		p.Tools[0].Response.Allow = append(p.Tools[0].Response.Allow, "$.everything")
		return true
	}},
	{"a field less that leaves", Automatic, "", "tools.*.response.allow[]", func(p *platform.Platform, _ *platform.Environment) bool {
		p.Tools[0].Response.Allow = p.Tools[0].Response.Allow[1:]
		return true
	}},
	{"no confirmation any more", Approval, ChangeBoard, "tools.*.confirmation", func(p *platform.Platform, _ *platform.Environment) bool {
		return on(p.Tools, func(t *platform.Tool) bool { had := t.Confirmation != nil; t.Confirmation = nil; return had })
	}},
	{"a confirmation", Review, "", "tools.*.confirmation", func(p *platform.Platform, _ *platform.Environment) bool {
		return on(p.Tools, func(t *platform.Tool) bool {
			had := t.Confirmation != nil
			if !had {
				t.Confirmation = &platform.Confirmation{By: "user", Expires: 60}
			}
			return !had
		})
	}},
	{"longer confirmations", Approval, ChangeBoard, "tools.*.confirmation.expires", func(p *platform.Platform, _ *platform.Environment) bool {
		return on(p.Tools, func(t *platform.Tool) bool {
			if t.Confirmation != nil {
				t.Confirmation.Expires *= 2
			}
			return t.Confirmation != nil
		})
	}},
	{"a datum whose owner nobody asks for", Approval, Privacy, "tools.*.datum", func(p *platform.Platform, _ *platform.Environment) bool {
		return on(p.Tools, func(t *platform.Tool) bool { had := t.Datum != nil; t.Datum = nil; return had })
	}},
	{"another argument schema", Approval, Security, "tools.*.input", func(p *platform.Platform, _ *platform.Environment) bool {
		p.Tools[0].Input = map[string]any{"type": "object"}
		return true
	}},
	{"a way into an account", Approval, Security, "tools.*.reach", func(p *platform.Platform, _ *platform.Environment) bool {
		return on(p.Tools, func(t *platform.Tool) bool {
			had := t.Reach != nil
			if !had {
				t.Reach = &platform.Reach{Account: "other", Actions: []string{"Query"}}
			}
			return !had
		})
	}},
	{"a purpose", Approval, Privacy, "purposes[]", func(p *platform.Platform, _ *platform.Environment) bool {
		p.Purposes = append(p.Purposes, "marketing")
		return true
	}},
	{"a purpose for an agent", Approval, Privacy, "agents.*.purposes[]", func(p *platform.Platform, _ *platform.Environment) bool {
		p.Agents[0].Purposes = append(p.Agents[0].Purposes, "marketing")
		return true
	}},
	{"memory that is shared more", Approval, Privacy, "agents.*.memory.**", func(p *platform.Platform, _ *platform.Environment) bool {
		return on(p.Agents, func(a *platform.Agent) bool {
			if a.Memory != nil {
				a.Memory.Scope += "s"
			}
			return a.Memory != nil
		})
	}},
	{"memories that live longer", Review, "", "agents.*.memory.retention", func(p *platform.Platform, _ *platform.Environment) bool {
		return on(p.Agents, func(a *platform.Agent) bool {
			if a.Memory != nil {
				a.Memory.Retention *= 2
			}
			return a.Memory != nil
		})
	}},
	{"a constraint less", Approval, Security, "constraints.*", func(p *platform.Platform, _ *platform.Environment) bool {
		had := len(p.Constraints) > 0
		p.Constraints = p.Constraints[:max(0, len(p.Constraints)-1)]
		return had
	}},
	{"a constraint", Review, "", "constraints.*", func(p *platform.Platform, _ *platform.Environment) bool {
		p.Constraints = append(p.Constraints, platform.Constraint{ID: "more", Forbid: platform.Forbid{Access: "write"}})
		return true
	}},
	{"a constraint that holds elsewhere", Approval, Security, "constraints.**", func(p *platform.Platform, _ *platform.Environment) bool {
		return on(p.Constraints, func(c *platform.Constraint) bool { c.When.Purpose = "elsewhere"; return true })
	}},
	{"a role that includes more", Approval, Security, "user_roles.*.includes[]", func(p *platform.Platform, _ *platform.Environment) bool {
		p.UserRoles[0].Includes = append(p.UserRoles[0].Includes, "everyone")
		return true
	}},
	{"a wider limit", Approval, ChangeBoard, "environments.*.limits.agents.*.tool_calls", func(_ *platform.Platform, e *platform.Environment) bool {
		e.Limits.Agents[0].ToolCalls++
		return true
	}},
	{"a narrower limit", Review, "", "environments.*.limits.agents.*.tool_calls", func(_ *platform.Platform, e *platform.Environment) bool {
		e.Limits.Agents[0].ToolCalls--
		return true
	}},
	{"more money a day", Approval, ChangeBoard, "environments.*.limits.user.cost_per_day", func(_ *platform.Platform, e *platform.Environment) bool {
		e.Limits.User.CostPerDay++
		return true
	}},
	{"a cheaper model", Approval, ChangeBoard, "environments.*.prices.models.*.**", func(_ *platform.Platform, e *platform.Environment) bool {
		e.Prices.Models[0].Output--
		return true
	}},
	{"an approver", Approval, Security, "environments.*.deploy.approvers.*[]", func(_ *platform.Platform, e *platform.Environment) bool {
		return on(e.Deploy.Approvers, func(a *platform.Approver) bool { a.People = append(a.People, "me@here"); return true })
	}},
	{"a lower score", Approval, ModelRisk, "environments.*.evaluation.scores.*", func(_ *platform.Platform, e *platform.Environment) bool {
		return e.Evaluation != nil && on(e.Evaluation.Scores, func(s *platform.Score) bool { s.AtLeast--; return true })
	}},
	{"a higher score", Review, "", "environments.*.evaluation.scores.*", func(_ *platform.Platform, e *platform.Environment) bool {
		return e.Evaluation != nil && on(e.Evaluation.Scores, func(s *platform.Score) bool { s.AtLeast++; return true })
	}},
	{"a claim that means another role", Approval, Privacy, "environments.*.identity.**", func(_ *platform.Platform, e *platform.Environment) bool {
		for claim := range e.Identity.Claims.UserRoles.Map {
			e.Identity.Claims.UserRoles.Map[claim] = "another"
			return true
		}
		return false
	}},
	{"another target", Approval, Security, "environments.*.targets.**", func(_ *platform.Platform, e *platform.Environment) bool {
		return on(e.Targets, func(t *platform.Target) bool {
			if t.Lambda != nil {
				t.Lambda.Function += "-2"
			}
			return t.Lambda != nil
		})
	}},
	{"evidence for longer", Review, "", "environments.*.audit.retention", func(_ *platform.Platform, e *platform.Environment) bool {
		e.Audit.Retention *= 2
		return true
	}},
	{"evidence for a shorter time", Approval, Privacy, "environments.*.audit.retention", func(_ *platform.Platform, e *platform.Environment) bool {
		e.Audit.Retention /= 2
		return true
	}},
	{"another contact", Review, "", "teams.**", func(p *platform.Platform, _ *platform.Environment) bool {
		p.Teams[0].Contact = "elsewhere"
		return true
	}},
}

func digest(letter string) terms.Digest { return terms.Digest("sha256:" + strings.Repeat(letter, 64)) }

// each runs over every environment of the worked companies.
func each(t *testing.T, run func(t *testing.T, company, environment string)) {
	t.Helper()
	for _, company := range []string{"meridian", "lumen"} {
		for _, e := range declared(t, company).Environments {
			t.Run(company+" "+e.Name, func(t *testing.T) { run(t, company, e.Name) })
		}
	}
}

// edited is a declaration after edits, which answer whether there was anything to do.
func edited(t *testing.T, company, environment string, all ...edit) (*platform.Platform, bool) {
	t.Helper()
	p, did := copied(declared(t, company)), true
	for i := range p.Environments {
		if e := &p.Environments[i]; e.Name == environment {
			for _, edit := range all {
				did = edit.do(p, e) && did
			}
		}
	}
	return p, did
}

func TestEachEditHasTheClassThatItsRowSays(t *testing.T) {
	done := map[string]bool{}
	each(t, func(t *testing.T, company, environment string) {
		for _, edit := range edits {
			p, did := edited(t, company, environment, edit)
			if !did {
				continue
			}
			done[edit.name] = true
			v := Classify(declared(t, company), p, environment, nil)
			if len(v.Changes) != 1 {
				t.Errorf("%s is %d changes: %+v", edit.name, len(v.Changes), v.Changes)
				continue
			}
			if c := v.Changes[0]; v.Class != edit.class || c.By != edit.by || c.Row != edit.row {
				t.Errorf("%s is %s by %q, row %s: %+v", edit.name, v.Class, c.By, c.Row, c)
			}
		}
	})
	for _, edit := range edits {
		if !done[edit.name] {
			t.Errorf("%s: neither company has anything to do it to", edit.name)
		}
	}
}

func TestOfTwoEditsTheStricterDecides(t *testing.T) {
	for _, company := range []string{"meridian", "lumen"} {
		was, pairs := declared(t, company), 0
		for i, a := range edits {
			for _, b := range edits[i+1:] {
				p, did := edited(t, company, "prod", a, b)
				v := Classify(was, p, "prod", nil)
				if !did || len(v.Changes) < 2 { // both of one value
					continue
				}
				pairs++
				if want := max(a.class, b.class); v.Class != want {
					t.Errorf("%s: %s and %s are %s, want %s", company, a.name, b.name, v.Class, want)
				}
			}
		}
		if pairs < 400 {
			t.Errorf("%s: only %d pairs were tried", company, pairs)
		}
	}
}

// The class of whoever widens who may approve is decided by those who may now.
func TestTheOldDeclarationSaysWhoApproves(t *testing.T) {
	was := declared(t, "meridian")
	p, _ := edited(t, "meridian", "prod", edit{do: func(_ *platform.Platform, e *platform.Environment) bool {
		e.Deploy.Approvers = []platform.Approver{{Class: Security, People: []string{"author@meridian.example"}}}
		return true
	}})
	v := Classify(was, p, "prod", nil)
	want := map[string][]string{Security: {"ines.keller@meridian.example", "tomas.rai@meridian.example"}}
	if v.Class != Approval || !reflect.DeepEqual(v.Approvers, want) {
		t.Errorf("%s by %v, want a named approval by %v", v.Class, v.Approvers, want)
	}
}

func TestAClassThatNobodyIsInCannotApprove(t *testing.T) {
	was, _ := edited(t, "meridian", "prod", edit{do: func(_ *platform.Platform, e *platform.Environment) bool { e.Deploy.Approvers = nil; return true }})
	p, _ := edited(t, "meridian", "prod", edit{do: func(_ *platform.Platform, e *platform.Environment) bool {
		e.Deploy.Approvers, e.Limits.User.CostPerDay = nil, e.Limits.User.CostPerDay+1
		return true
	}})
	v := Classify(was, p, "prod", nil)
	if people, listed := v.Approvers[ChangeBoard]; !listed || len(people) != 0 || !strings.HasSuffix(v.Text(), "prod: named approval by change_board (nobody, so it cannot be approved)\n") {
		t.Errorf("approvers %v:\n%s", v.Approvers, v.Text())
	}
}

// What the prover found counts whatever edit it came from, and what it could not decide too.
func TestNewAccessNeedsSecurityWhateverTheEdit(t *testing.T) {
	p := declared(t, "lumen")
	request := iam.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::other/x"}
	v := Classify(p, p, "prod", []verify.Change{
		{Of: "arn:aws:iam::1:role/r", Part: "permissions", Meaning: verify.New, Witness: request},
		{Of: "arn:aws:iam::1:role/s", Part: "trust", Meaning: verify.Unknown, Note: "too much work"},
		{Of: "arn:aws:iam::1:role/t", Part: "trust", Meaning: verify.Narrower},
	})
	want := []Change{
		{Path: "permissions of arn:aws:iam::1:role/r", Class: Approval, By: Security, Row: "access", Reason: "IAM allows more than before", Is: "s3:GetObject on arn:aws:s3:::other/x"},
		{Path: "trust of arn:aws:iam::1:role/s", Class: Approval, By: Security, Row: "access", Reason: "nobody proved that IAM allows no more than before: too much work"},
	}
	if v.Class != Approval || !reflect.DeepEqual(v.Changes, want) {
		t.Errorf("got %s %+v", v.Class, v.Changes)
	}
}

func TestAnotherEnvironmentsEditsAreNotThisOnes(t *testing.T) {
	p, _ := edited(t, "meridian", "dev", edit{do: func(_ *platform.Platform, e *platform.Environment) bool { e.Limits.User.CostPerDay *= 2; return true }})
	if v := Classify(declared(t, "meridian"), p, "prod", nil); len(v.Changes) != 0 || v.Class != Automatic {
		t.Errorf("prod is changed by %+v", v.Changes)
	}
}

func TestAnEnvironmentThatIsNewIsOneChangeAndNobodyThereCanApproveIt(t *testing.T) {
	was := copied(declared(t, "meridian"))
	was.Environments = slices.DeleteFunc(was.Environments, func(e platform.Environment) bool { return e.Name == "prod" })
	v := Classify(was, declared(t, "meridian"), "prod", nil)
	if len(v.Changes) != 1 || v.Changes[0].Path != "environments.prod" || v.Class != Approval || len(v.Approvers[Security]) != 0 {
		t.Errorf("%+v by %v", v.Changes, v.Approvers)
	}
}

// A name that goes on after another's with a sign that sorts before a dot, or with a dot, is
// not a part of the other.
func TestAWholeSwallowsItsOwnPartsOnly(t *testing.T) {
	was, is := copied(declared(t, "meridian")), copied(declared(t, "meridian"))
	e := func(p *platform.Platform) *platform.Environment { return &p.Environments[0] }
	model := e(was).Prices.Models[0]
	near := model
	near.Model = model.Model + ".x"
	far := model
	far.Model = model.Model + "-x"
	e(was).Prices.Models = []platform.ModelPrice{near, far}
	near.Output++
	far.Output++
	e(is).Prices.Models = []platform.ModelPrice{model, near, far}
	v := Classify(was, is, e(is).Name, nil)
	var paths []string
	for _, c := range v.Changes {
		paths = append(paths, strings.TrimPrefix(c.Path, "environments."+e(is).Name+".prices.models."))
	}
	slices.Sort(paths)
	want := []string{model.Model, model.Model + "-x.output", model.Model + ".x.output"}
	if !reflect.DeepEqual(paths, want) {
		t.Errorf("got %v, want %v", paths, want)
	}
}

// Order means nothing in a declaration, except in a key that is made of arguments.
func TestOnlyReorderingIsNoChange(t *testing.T) {
	each(t, func(t *testing.T, company, environment string) {
		p := copied(declared(t, company))
		turned := turn(reflect.ValueOf(p).Elem())
		if turned < 20 {
			t.Fatalf("only %d lists were turned round", turned)
		}
		if v := Classify(declared(t, company), p, environment, nil); len(v.Changes) != 0 {
			t.Errorf("turned round it is another: %+v", v.Changes)
		}
	})
	was, is := declared(t, "lumen"), copied(declared(t, "lumen"))
	turnedKeys := 0
	for i := range is.Tools {
		if k := is.Tools[i].Idempotency; k != nil && len(k.Key) > 1 {
			slices.Reverse(k.Key)
			turnedKeys++
		}
	}
	if v := Classify(was, is, "prod", nil); turnedKeys == 0 || len(v.Changes) != turnedKeys || v.Class != Approval {
		t.Errorf("%d keys in another order are %+v", turnedKeys, v.Changes)
	}
}

// turn reverses every list but keys made of arguments, and counts them.
func turn(v reflect.Value) int {
	n := 0
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			n += turn(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.Name != "Key" && f.IsExported() {
				n += turn(v.Field(i))
			}
		}
	case reflect.Slice:
		swap := reflect.Swapper(v.Interface())
		for i := range v.Len() / 2 {
			swap(i, v.Len()-1-i)
		}
		if v.Len() > 1 {
			n++
		}
		for i := range v.Len() {
			n += turn(v.Index(i))
		}
	}
	return n
}

func TestACommentIsNoChange(t *testing.T) {
	each(t, func(t *testing.T, company, environment string) {
		files := fstest.MapFS{}
		for path, text := range textOf(t, company) {
			files[path] = &fstest.MapFile{Data: []byte("# said anew\n\n" + text + "\n# and at the end\n")}
		}
		p, err := load.FS(files, "", "2026-11-24")
		if err != nil {
			t.Fatal(err)
		}
		if v := Classify(declared(t, company), p, environment, nil); len(v.Changes) != 0 {
			t.Errorf("a comment is %+v", v.Changes)
		}
	})
}

func textOf(t *testing.T, company string) map[string]string {
	t.Helper()
	out, dir := map[string]string{}, os.DirFS(filepath.Join(companies, company))
	paths, err := fs.Glob(dir, "*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal("no declaration: ", err)
	}
	for _, path := range paths {
		text, err := fs.ReadFile(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		out[path] = string(text)
	}
	return out
}

// keysOf is every path that a declaration can say something at, as rows are called.
func keysOf(row string, t reflect.Type, add func(string)) {
	for f := range t.Fields() {
		key := f.Tag.Get("key")
		at := row + key
		switch {
		case key == "" || f.Name == name(t) || f.Type.Kind() == reflect.Interface && strings.HasPrefix(f.Tag.Get("doc"), "reserved"):
			continue
		case key == "-":
			at = strings.TrimSuffix(row, ".")
		case key == "*":
			at = strings.TrimSuffix(row, ".") + ".*"
			add(at)
			keysOf(at+".", f.Type.Elem(), add)
			continue
		}
		keysAt(at, f.Type, add)
	}
}

func keysAt(at string, t reflect.Type, add func(string)) {
	switch {
	case t.Kind() == reflect.Pointer:
		add(at)
		keysOf(at+".", t.Elem(), add)
	case t.Kind() == reflect.Struct && t.Name() != "Hours":
		keysOf(at+".", t, add)
	case t.Kind() == reflect.Slice && name(t.Elem()) != "":
		add(at + ".*")
		keysOf(at+".*.", t.Elem(), add)
	case t.Kind() == reflect.Slice && slices.Contains(sequences, at):
		add(at)
	case t.Kind() == reflect.Slice:
		add(at + "[]")
	case t.Kind() == reflect.Map && t.Elem().Kind() == reflect.String:
		add(at + ".*")
	default:
		add(at)
	}
}

func everyKey() []string {
	keys := map[string]bool{"environments.*": true}
	add := func(path string) { keys[path] = true }
	keysOf("", reflect.TypeFor[platform.Platform](), add)
	keysOf("environments.*.", reflect.TypeFor[platform.Environment](), add)
	return slices.Sorted(maps.Keys(keys))
}

func TestEveryKeyOfTheLanguageHasARowAndEveryRowAKey(t *testing.T) {
	used := map[string]bool{}
	for _, key := range everyKey() {
		r, found := rowOf(key)
		if !found {
			t.Errorf("%s: no row says what a change of it means, so each needs a named approval", key)
		}
		used[r.Path] = true
	}
	for _, r := range Rows {
		if !used[r.Path] {
			t.Errorf("row %s: the language has no such key, or a row above has it", r.Path)
		}
	}
}

func TestWhatNoRowKnowsNeedsANamedApproval(t *testing.T) {
	c := difference{is: &leaf{path: "new" + sep + "key", row: "new.key", text: "x"}}.judge()
	want := Change{Path: "new.key", Class: Approval, By: Security, Reason: "no row says what this means", Is: "x"}
	if c != want {
		t.Errorf("got %+v", c)
	}
	c = difference{&leaf{path: "purposes[]", row: "purposes[]", text: "x"}, &leaf{path: "purposes[]", row: "purposes[]", text: "y"}}.judge()
	if c.Class != Approval || c.Row != "" {
		t.Errorf("an edit that its row is silent about is %+v", c)
	}
}

func TestAVerdictReadsAsPeopleAsk(t *testing.T) {
	p, _ := edited(t, "meridian", "prod",
		edit{do: func(p *platform.Platform, e *platform.Environment) bool {
			e.Limits.Agents[0].ToolCalls = 25
			e.Audit.Retention *= 2
			p.Agents[0].Tools = p.Agents[0].Tools[1:]
			return true
		}})
	got := Classify(declared(t, "meridian"), p, "prod", nil).Text()
	want := `named approval  change_board  environments.prod.limits.agents.loan-processor.tool_calls
                a wider limit: tool calls per execution
                20 → 25
review                        environments.prod.audit.retention
                evidence is kept longer
                7y → 14y
automatic                     agents.loan-processor.tools[]
                a tool less for the agent
                was pull_credit_report
prod: named approval by change_board (lena.novak@meridian.example, omar.haddad@meridian.example)
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func ExampleClass() {
	fmt.Println(Automatic, "/", Review, "/", Approval)
	// Output: automatic / review / named approval
}

var update = flag.Bool("update", false, "write docs/changes.md anew")

const page = "../docs/changes.md"

func TestThePageForPeopleSaysWhatTheTableSays(t *testing.T) {
	want := pageOf(Rows)
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil || string(got) != want {
		t.Errorf("docs/changes.md is not the table (%v): go test ./change -update", err)
	}
}
