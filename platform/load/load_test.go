package load

import (
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"
	"unicode/utf8"

	"remit/platform"
	"remit/terms"
)

var update = flag.Bool("update", false, "rewrite the want sections of testdata and the editor schemas")

const today terms.Date = "2026-11-23"

// worked are the companies that show what a declaration looks like.
var worked = []string{"../../environments/meridian", "../../environments/lumen"}

// company is a copy of a directory's declaration, for a test to spoil.
func company(t testing.TB, dir string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	paths, err := filepath.Glob(dir + "/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s holds no declaration (%v)", dir, err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = &fstest.MapFile{Data: text}
	}
	return files
}

func acme(t testing.TB) fstest.MapFS { return company(t, "testdata/base") }

// refusal loads what must not load. A platform beside an error could be used by mistake.
func refusal(t testing.TB, files fs.FS) Problems {
	t.Helper()
	p, err := FS(files, "acme", today)
	var problems Problems
	if !errors.As(err, &problems) || len(problems) == 0 {
		t.Fatalf("a faulty declaration was accepted (%v)", err)
	}
	if p != nil {
		t.Error("a platform came with the problems; someone would build it")
	}
	return problems
}

func codesOf(problems Problems) []string {
	var codes []string
	for _, p := range problems {
		codes = append(codes, p.Code)
	}
	return codes
}

func TestTheWorkedCompaniesLoadCleanly(t *testing.T) {
	for _, dir := range append(worked, "testdata/base") {
		p, err := Dir(dir, today)
		if err != nil {
			t.Errorf("%s, which people copy from, is refused:\n%v", dir, err)
			continue
		}
		if len(p.Environments) < 2 {
			t.Errorf("%s: got %d environments, want at least 2", dir, len(p.Environments))
		}
	}
}

// Each testdata/busted_*.txt spoils testdata/base in one way. It begins with a comment
// that says what is wrong and who would be hurt, and ends with what the loader prints.
func TestEachFaultIsRefusedInTheseWords(t *testing.T) {
	for _, path := range fixtures(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			before, want, ok := strings.Cut(string(text), "-- want --\n")
			if !ok || !strings.HasPrefix(before, "# ") {
				t.Fatal("a fixture begins with a comment and ends with a want section")
			}
			got := refusal(t, spoiled(t, before)).Error()
			switch {
			case got == want:
			case *update:
				if err := os.WriteFile(path, []byte(before+"-- want --\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
			default:
				t.Errorf("the loader says something else (go test ./platform/load -update rewrites)\ngot:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func fixtures(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/busted_*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no fixtures (%v)", err)
	}
	return paths
}

var section = regexp.MustCompile(`(?m)^-- ([a-z]+) ([a-zA-Z0-9._-]+) --\n`)

// spoiled is the base after the sections of a fixture:
//
//	-- edit FILE --     old lines, a line =>, new lines; the old ones occur exactly once
//	-- file FILE --     the whole file
//	-- quoted FILE --   the whole file as a Go string, for bytes no editor keeps
//	-- remove FILE --   no such file
//	-- pad FILE --      the size to which a comment lengthens the file
func spoiled(t *testing.T, text string) fstest.MapFS {
	t.Helper()
	files := acme(t)
	marks := section.FindAllStringSubmatchIndex(text, -1)
	for i, m := range marks {
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		how, name, body := text[m[2]:m[3]], text[m[4]:m[5]], text[m[1]:end]
		switch how {
		case "edit":
			files[name] = &fstest.MapFile{Data: []byte(edited(t, string(files[name].Data), body))}
		case "file":
			files[name] = &fstest.MapFile{Data: []byte(body)}
		case "quoted":
			raw, err := strconv.Unquote(strings.TrimSpace(body))
			if err != nil {
				t.Fatalf("section quoted %s: %v", name, err)
			}
			files[name] = &fstest.MapFile{Data: []byte(raw)}
		case "remove":
			delete(files, name)
		case "pad":
			size, err := strconv.Atoi(strings.TrimSpace(body))
			if err != nil {
				t.Fatalf("section pad %s: %v", name, err)
			}
			data := append(files[name].Data, "# "...)
			files[name] = &fstest.MapFile{Data: append(data, strings.Repeat("x", size-len(data))...)}
		default:
			t.Fatalf("no section is called %q", how)
		}
	}
	return files
}

func edited(t *testing.T, text, body string) string {
	t.Helper()
	before, after, ok := strings.Cut("\n"+body, "\n=>\n")
	before = strings.TrimPrefix(before, "\n") + "\n"
	if n := strings.Count("\n"+text, "\n"+before); !ok || n != 1 {
		t.Fatalf("%q occurs %d times in the base; an edit needs exactly one", before, n)
	}
	return strings.TrimPrefix(strings.Replace("\n"+text, "\n"+before, "\n"+after, 1), "\n")
}

var headline = regexp.MustCompile(`(?m)^\S.* \[([a-z0-9-]+)\]$`)

func TestEveryProblemTheLoaderKnowsHasAFixture(t *testing.T) {
	inSource, shown := map[string]bool{}, map[string]bool{}
	for _, code := range codesInSource(t) {
		inSource[code] = true
	}
	for _, path := range fixtures(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, want, _ := strings.Cut(string(text), "-- want --\n")
		for _, m := range headline.FindAllStringSubmatch(want, -1) {
			shown[m[1]] = true
		}
	}
	for _, code := range slices.Sorted(maps.Keys(inSource)) {
		if !shown[code] {
			t.Errorf("%s: no fixture shows it, so nobody has read what a user would read", code)
		}
	}
	for _, code := range slices.Sorted(maps.Keys(shown)) {
		if !inSource[code] {
			t.Errorf("%s: a fixture expects it, and no code reports it", code)
		}
	}
	t.Logf("%d codes, %d fixtures", len(inSource), len(fixtures(t)))
}

// reporters are the functions whose first argument is a problem's code.
var reporters = []string{"say", "sayAlso", "problem", "known", "allKnown"}

func codesInSource(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	add := func(at *token.FileSet, code ast.Expr) {
		switch code := code.(type) {
		case *ast.BasicLit:
			word, err := strconv.Unquote(code.Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, word)
		case *ast.Ident:
			if code.Name != "code" { // a reporter that hands on its own argument
				t.Errorf("%s: a code must be written out where it is reported", at.Position(code.Pos()))
			}
		default:
			t.Errorf("%s: a code must be written out where it is reported", at.Position(code.Pos()))
		}
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.SelectorExpr); ok && slices.Contains(reporters, f.Sel.Name) {
					add(set, n.Args[0])
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Code" {
					add(set, n.Value)
				}
			}
			return true
		})
	}
	return codes
}

func TestAllProblemsAreReportedAtOnceAndSortedByPlace(t *testing.T) {
	files := acme(t)
	spoil := func(name, before, after string) {
		text := string(files[name].Data)
		if !strings.Contains(text, before) {
			t.Fatalf("%s has no %q", name, before)
		}
		files[name] = &fstest.MapFile{Data: []byte(strings.Replace(text, before, after, 1))}
	}
	spoil("platform.yaml", "team: crew", "team: crow")
	spoil("platform.yaml", "tools: [find_order, read_stock]", "tools: [find_ordre, read_stock]")
	spoil("live.yaml", "region: eu-west-1", "region: europe")
	spoil("live.yaml", "removal: retain", "remvoal: retain")
	spoil("test.yaml", "tool_calls: 10", "tool_calls: ten")

	problems := refusal(t, files)
	got := codesOf(problems)
	want := []string{"missing-key", "bad-value", "unknown-key", "unknown-team", "unknown-tool", "bad-value"}
	if !slices.Equal(got, want) {
		t.Errorf("whoever repairs one fault should see the others too\ngot  %q\nwant %q\n%v", got, want, problems)
	}
	if !slices.IsSortedFunc(problems, func(a, b Problem) int { return a.At.Compare(b.At) }) {
		t.Errorf("problems are out of order:\n%v", problems)
	}
}

func TestTheSameFaultsAreAlwaysPrintedAlike(t *testing.T) {
	files := acme(t)
	files["live.yaml"] = files["test.yaml"]
	first := refusal(t, files).Error()
	for range 20 {
		if again := refusal(t, files).Error(); again != first {
			t.Fatalf("a reviewer compares two runs and sees a change that is none\n%s\n%s", first, again)
		}
	}
}

func TestAMissingDirectoryIsAClearProblem(t *testing.T) {
	_, err := Dir("testdata/nowhere", today)
	if _, ok := errors.AsType[Problems](err); !ok {
		t.Fatalf("got %v", err)
	}
	const want = "testdata/nowhere: there is no environment file [no-environment]\n" +
		"  hint: add one beside platform.yaml, named after the environment\n" +
		"testdata/nowhere/platform.yaml: cannot be opened: no such file or directory [unreadable-file]\n" +
		"  hint: a declaration is a directory with platform.yaml and one file for each environment\n"
	if err.Error() != want {
		t.Errorf("got:\n%swant:\n%s", err, want)
	}
}

func TestHostileFilesAreRefusedAndNeverCrashTheLoader(t *testing.T) {
	t.Parallel()
	const meg = 1 << 20
	environment := "environment: live\nmock: "
	for _, c := range []struct {
		name string
		text string
		want string // a code that must be among the problems
	}{
		{"empty", "", "not-yaml"},
		{"only a comment", "# nothing\n", "not-yaml"},
		{"only a separator", "---\n", "wrong-kind"},
		{"a lone word", "hello\n", "wrong-kind"},
		{"a list", "- environment: live\n", "wrong-kind"},
		{"billion laughs", laughs(), "alias"},
		{"an alias to itself", "a: &a [*a]\n", "alias"},
		{"an alias as a key", "a: &a b\n*a : c\n", "alias"},
		{"a merge", "environment: live\n<<: {region: eu-west-1}\n", "alias"},
		{"a key that is a list", "? [a, b]\n: c\n", "alias"},
		{"a tagged value", "environment: !!binary bGl2ZQ==\n", "alias"},
		{"fifty megabytes", strings.Repeat("x: y\n", 10*meg), "too-large"},
		{"a line of a megabyte", environment + strings.Repeat("a", meg-100), "unknown-key"},
		{"a key of half a megabyte over many", "? " + strings.Repeat("k", meg/2) + "\n: {" + strings.Repeat("a: 1, ", meg/16) + "}\n", "unknown-key"},
		{"as many faults as fit", strings.Repeat("a: 1\n", 20_000), "duplicate-key"},
		{"deep flow lists", environment + strings.Repeat("[", 9000) + strings.Repeat("]", 9000), "unknown-key"},
		{"deeper flow lists", environment + strings.Repeat("[", 500_000), "not-yaml"},
		{"deep flow mappings", environment + strings.Repeat("{a: ", 9000) + "1" + strings.Repeat("}", 9000), "unknown-key"},
		{"deep block lists", environment + "\n " + strings.Repeat("- ", 9000) + "x\n", "unknown-key"},
		{"a repeated key", "environment: live\nenvironment: live\n", "duplicate-key"},
		{"a second document", "environment: live\n---\nenvironment: live\n", "many-documents"},
		{"an empty second document", "environment: live\n---\n", "many-documents"},
		{"text after the document", "environment: live\n...\n}\n", "not-yaml"},
		{"NUL", "environment: li\x00ve\n", "not-yaml"},
		{"ESC", "environment: \x1b[31mlive\n", "not-yaml"},
		{"UTF-16", "\xff\xfee\x00n\x00v\x00", "not-utf8"},
		{"half a character", "environment: \xc3\n", "not-utf8"},
		{"a directive of the future", "%YAML 9.9\n---\nenvironment: live\n", "not-yaml"},
		{"a tab for indentation", "data:\n\tkind: real\n", "not-yaml"},
		{"an open quote", "environment: \"live\n", "not-yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, file := range []string{"platform.yaml", "live.yaml"} {
				files := acme(t)
				files[file] = &fstest.MapFile{Data: []byte(c.text)}
				problems := refusal(t, files)
				if !slices.ContainsFunc(problems, func(p Problem) bool { return p.Code == c.want && p.At.File == "acme/"+file }) {
					t.Errorf("%s: got %q, want %s among them", file, slices.Compact(codesOf(problems)), c.want)
				}
				for _, p := range problems {
					checkReadable(t, p)
				}
			}
		})
	}
}

// laughs is small as text and would be billions of words if aliases were followed.
func laughs() string {
	out := "a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n"
	for i := range 9 {
		out += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
	}
	return out
}

func TestFiftyMegabytesInManyFilesAreReadOneByOne(t *testing.T) {
	t.Parallel()
	files := acme(t)
	text := []byte("# " + strings.Repeat("x", MaxFile-3) + "\n")
	for i := range 50 {
		files[fmt.Sprintf("e%d.yaml", i)] = &fstest.MapFile{Data: text}
	}
	if got := len(refusal(t, files)); got != 50 {
		t.Errorf("got %d problems, want one for each file", got)
	}
}

// checkReadable holds for every problem: it fits a terminal, and no text of a declaration
// can move the cursor, bury the message or turn a log into a copy of the file.
func checkReadable(t *testing.T, p Problem) {
	t.Helper()
	for part, text := range map[string]string{"path": p.Path, "message": p.Message, "hint": p.Hint, "source": p.Source} {
		if len(text) > 1000 || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("%s: the %s cannot be printed: %.200q", p.Code, part, text)
		}
	}
	if n := len([]rune(p.Source)); n > 161 {
		t.Errorf("%s: %d characters of a line are repeated, want at most 160 and …", p.Code, n)
	}
	if p.Code == "" || p.Message == "" || p.At.File == "" {
		t.Errorf("a problem without code, message or place: %+v", p)
	}
}

func TestAProblemNeverRepeatsMoreThan160CharactersOfALine(t *testing.T) {
	long := strings.Repeat("0123456789", 25)
	tooMuch := long[:161]
	for name, change := range map[string][3]string{
		"a value":         {"live.yaml", "region: eu-west-1", "region: " + long},
		"a key":           {"live.yaml", "region: eu-west-1", long + ": x"},
		"a quoted key":    {"live.yaml", "region: eu-west-1", `"\e[31m` + long + `": x`},
		"a tag":           {"live.yaml", "region: eu-west-1", "region: !" + long + " eu-west-1"},
		"an anchor":       {"live.yaml", "region: eu-west-1", "region: *" + long},
		"a reference":     {"platform.yaml", "data_class: OPEN", "data_class: " + long},
		"a tool":          {"live.yaml", "  find_order:", "  n" + long + ":"},
		"a schema":        {"platform.yaml", "order: {type: string}", "order: {type: " + long + "}"},
		"a response path": {"platform.yaml", `["$.state"]`, `["$.` + long + `["]`},
		"a claim":         {"live.yaml", "{CL: clerk}", "{" + long + ": " + long + "}"},
		"an account":      {"live.yaml", "depot:", "d" + long + ":"},
		"an event bus":    {"platform.yaml", "    tools: [find_order, read_stock]", "    tools: [find_order, read_stock]\n    events: [{bus: " + long + ", detail_types: [" + long + "]}]"},
		"a profile":       {"platform.yaml", "ids: [maker.model-1]", "ids: [maker.model-1], profiles: [us.m" + long + "]"},
		"a file name":     {"live.yaml", "environment: live", "environment: n" + long},
		"an agent's name": {"platform.yaml", "  helper:", "  n" + long + ":"},
		"a lane's name":   {"live.yaml", "    stable:", "    n" + long + ":"},
		"a model":         {"platform.yaml", "ids: [maker.model-1]", "ids: [maker." + long + "]"},
		"a user role":     {"platform.yaml", "callers: [clerk]", "callers: [r" + long + "]"},
	} {
		t.Run(name, func(t *testing.T) {
			files := acme(t)
			text := string(files[change[0]].Data)
			if !strings.Contains(text, change[1]) {
				t.Fatalf("%s has no %q", change[0], change[1])
			}
			files[change[0]] = &fstest.MapFile{Data: []byte(strings.Replace(text, change[1], change[2], 1))}
			problems := refusal(t, files)
			if strings.Contains(problems.Error(), tooMuch) {
				t.Errorf("a log would keep a line whole:\n%v", problems)
			}
			for _, p := range problems {
				checkReadable(t, p)
			}
		})
	}
}

func TestNoWordInAnEnvironmentFileWidens(t *testing.T) {
	check := func(t *testing.T, files fstest.MapFS, word string) {
		t.Helper()
		problems := refusal(t, files)
		if !slices.ContainsFunc(problems, func(p Problem) bool { return p.Code == "widens" && strings.HasSuffix(p.Path, word) }) {
			t.Errorf("%s in an environment file must be refused as widening, got:\n%v", word, problems)
		}
	}
	environment := map[string]bool{}
	for _, f := range fields(reflect.TypeFor[platform.Environment]()) {
		environment[f.key] = true
	}
	for _, f := range fields(reflect.TypeFor[platform.Platform]()) {
		if environment[f.key] { // constraints: they only narrow
			continue
		}
		files := acme(t)
		files["live.yaml"].Data = append(files["live.yaml"].Data, f.key+": {}\n"...)
		check(t, files, f.key)
	}
	for _, place := range []string{
		"data: {kind: real", "network: {mode: public", "    lambda: {function: find-order, alias: current", "    reach: {table: stock",
		"    helper: {tool_calls: 10, wall_clock: 5m, tokens: 100000, model_cost: 1.00 USD", "  user: {cost_per_day: 10.00 USD",
		"audit: {retention: 1y, lock: none, logs: 30d",
	} {
		for word := range widening {
			files := acme(t)
			text := string(files["live.yaml"].Data)
			if !strings.Contains(text, place) {
				t.Fatalf("the base has no %q", place)
			}
			files["live.yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(text, place, place+", "+word+": [clerk]", 1))}
			check(t, files, word)
		}
	}
}
