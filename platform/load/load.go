// Package load reads a company's declaration: text to [platform.Platform], with every
// problem at once, each with its place, its reason and a way out. It knows YAML and JSON
// Schema; it decides nothing about access. Start with [Dir].
//
// Reading is strict: unknown and repeated keys, aliases, anchors, tags and further
// documents are problems, because each would give one value two homes.
package load

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"remit/platform"
	"remit/terms"
)

// MaxFile is the largest declaration file that is read, in bytes. The worked companies
// are a hundred times smaller.
const MaxFile = 1 << 20

// platformFile is the file that says who may do what; every other .yaml file beside it is
// an environment, named after itself.
const platformFile = "platform.yaml"

// Dir reads the declaration in a directory. today decides what has expired. It returns a
// platform only when nothing is wrong; otherwise the error is [Problems].
func Dir(dir string, today terms.Date) (*platform.Platform, error) {
	return FS(os.DirFS(dir), filepath.ToSlash(dir), today)
}

// FS reads the declaration at the root of a file system; prefix is how places are shown.
func FS(fsys fs.FS, prefix string, today terms.Date) (*platform.Platform, error) {
	l := &loader{prefix: prefix, today: today, lines: map[string][]string{}, reported: map[Problem]bool{}}
	p := l.load(fsys)
	if len(l.problems) > 0 {
		return nil, l.problems.sorted()
	}
	return p, nil
}

type loader struct {
	prefix   string
	today    terms.Date
	lines    map[string][]string // displayed file → its lines, for carets
	problems Problems
	reported map[Problem]bool
}

func (l *loader) load(fsys fs.FS) *platform.Platform {
	p := &platform.Platform{Places: platform.Places{}}
	readable := l.file(fsys, platformFile, p, "", p.Places)
	names, _ := fs.Glob(fsys, "*.yaml")
	for _, name := range names {
		if name == platformFile {
			continue
		}
		stem := strings.TrimSuffix(name, ".yaml")
		var e platform.Environment
		l.file(fsys, name, &e, "environments."+stem+".", p.Places)
		if e.Name != stem && e.Name != "" {
			l.report(Problem{Code: "wrong-file-name", At: p.Places.Of("environments." + stem + ".environment"), Path: "environment",
				Message: fmt.Sprintf("the file is named for %q and declares %q", stem, cut(e.Name)), Hint: "rename the file to " + cut(e.Name) + ".yaml, or correct the name"})
		}
		e.Name = stem
		p.Environments = append(p.Environments, e)
	}
	inPromotionOrder(p.Environments)
	ignored, _ := fs.Glob(fsys, "*.yml")
	for _, name := range ignored {
		l.report(Problem{Code: "wrong-file-name", At: terms.Pos{File: path.Join(l.prefix, name)}, Message: "would not be read: a declaration's files end in .yaml",
			Hint: "rename the file to " + strings.TrimSuffix(name, ".yml") + ".yaml, or move it elsewhere"})
	}
	if len(p.Environments) == 0 {
		l.report(Problem{Code: "no-environment", At: terms.Pos{File: l.prefix}, Message: "there is no environment file",
			Hint: "add one beside " + platformFile + ", named after the environment"})
	}
	if readable { // else every reference would be unknown, and hide why
		l.check(p)
	}
	return p
}

// password is what a URL carries before its host. Problems end up in logs.
var password = regexp.MustCompile(`://[^/@\s]*@`)

// inPromotionOrder puts each environment after the one its versions come from, and else by
// name, so that everything that lists environments reads the way a version travels.
func inPromotionOrder(list []platform.Environment) {
	rank := map[string]int{}
	for range list { // a chain is at most as long as the list; a circle ends there too
		for _, e := range list {
			if e.Deploy.From != "" && rank[e.Deploy.From] < len(list) {
				rank[e.Name] = max(rank[e.Name], rank[e.Deploy.From]+1)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b platform.Environment) int {
		return cmp.Or(cmp.Compare(rank[a.Name], rank[b.Name]), cmp.Compare(a.Name, b.Name))
	})
}

// file decodes one file into a struct, and records where everything stands. It reports
// whether there was something to decode.
func (l *loader) file(fsys fs.FS, name string, into any, prefix string, places platform.Places) bool {
	shown := path.Join(l.prefix, name)
	text, ok := l.read(fsys, name, shown)
	if !ok {
		return false
	}
	l.lines[shown] = strings.Split(password.ReplaceAllString(string(text), "://…@"), "\n")
	if l.tabs(shown) {
		return false
	}
	root, ok := l.parse(text, shown)
	if !ok {
		return false
	}
	d := &decoder{loader: l, file: shown, prefix: prefix, places: places, environment: prefix != ""}
	d.plain(root, "")
	d.decode(root, into)
	return true
}

// tabs finds indentation that YAML forbids, at its own place; the YAML library notices it a
// line or more away.
func (l *loader) tabs(shown string) bool {
	for i, line := range l.lines[shown] {
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if tab := strings.IndexByte(indent, '\t'); tab >= 0 && strings.TrimSpace(line) != "" {
			l.report(Problem{Code: "not-yaml", At: terms.Pos{File: shown, Line: i + 1, Col: tab + 1}, Message: "has a tab here; YAML indents with spaces", Hint: "replace the tab by spaces"})
			return true
		}
	}
	return false
}

func (l *loader) read(fsys fs.FS, name, shown string) ([]byte, bool) {
	f, err := fsys.Open(name)
	if err != nil {
		l.report(Problem{Code: "unreadable-file", At: terms.Pos{File: shown}, Message: "cannot be opened: " + reason(err),
			Hint: "a declaration is a directory with " + platformFile + " and one file for each environment"})
		return nil, false
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	switch {
	case err != nil:
		l.report(Problem{Code: "unreadable-file", At: terms.Pos{File: shown}, Message: "cannot be read: " + reason(err)})
	case len(text) > MaxFile:
		l.report(Problem{Code: "too-large", At: terms.Pos{File: shown}, Message: fmt.Sprintf("is larger than %d bytes, the most that is read", MaxFile),
			Hint: "a declaration holds names and numbers; keep data elsewhere"})
	case !utf8.Valid(text):
		l.report(Problem{Code: "not-utf8", At: terms.Pos{File: shown, Line: badLine(text), Col: 1}, Message: "is not UTF-8 text from this line on", Hint: "save the file as UTF-8"})
	default:
		return text, true
	}
	return nil, false
}

// reason is an error without the path it repeats.
func reason(err error) string {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err.Error()
	}
	return err.Error()
}

func badLine(text []byte) int {
	line := 1
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size == 1 {
			break
		}
		if r == '\n' {
			line++
		}
		text = text[size:]
	}
	return line
}

func (l *loader) parse(text []byte, shown string) (*yaml.Node, bool) {
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	var document, second yaml.Node
	err := decode(decoder, &document)
	if err == nil {
		// Text after a complete document is found only by asking for the next one.
		if err = decode(decoder, &second); errors.Is(err, io.EOF) {
			return document.Content[0], true
		}
	}
	if err == nil {
		l.report(Problem{Code: "many-documents", At: terms.Pos{File: shown, Line: second.Line, Col: 1},
			Message: "has more than one YAML document", Hint: "one file is one document; remove the --- line and what follows"})
		return nil, false
	}
	problem := Problem{Code: "not-yaml", At: terms.Pos{File: shown, Line: 1, Col: 1}, Message: "is empty", Hint: "declare something, or remove the file"}
	if !errors.Is(err, io.EOF) {
		problem.At.Line, problem.Message = yamlError(err)
		problem.Hint = "look at the indentation, quotes and invisible characters of this line and the one before"
	}
	l.report(problem)
	return nil, false
}

// decode reads the next document. An empty file has none, and is reported like text that
// does not parse. The YAML library reports most faults as errors and a few by panicking
// with one, which must not take the command down with it.
func decode(decoder *yaml.Decoder, into *yaml.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: %v", r)
		}
	}()
	return decoder.Decode(into)
}

func yamlError(err error) (line int, message string) {
	message = strings.TrimPrefix(err.Error(), "yaml: ")
	if n, _ := fmt.Sscanf(message, "line %d:", &line); n == 1 {
		_, message, _ = strings.Cut(message, ": ")
	}
	return max(1, line), "is not YAML: " + cut(message)
}

func (l *loader) report(p Problem) {
	if lines := l.lines[p.At.File]; p.At.Line > 0 && p.At.Line <= len(lines) {
		p.Source = cut(lines[p.At.Line-1])
	}
	p.Path = cut(p.Path)
	if !l.reported[p] {
		l.reported[p] = true
		l.problems = append(l.problems, p)
	}
}
