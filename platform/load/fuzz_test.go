package load

import (
	"errors"
	"regexp"
	"testing"
	"testing/fstest"
)

var declaredName = regexp.MustCompile(`(?m)^environment: ([a-z]+)$`)

// FuzzDeclaration: no text crashes the loader, and what it accepts is whole.
func FuzzDeclaration(f *testing.F) {
	for _, dir := range append(worked, "testdata/base") {
		files := company(f, dir)
		for name, file := range files {
			if name != platformFile {
				f.Add(string(files[platformFile].Data), string(file.Data))
			}
		}
	}
	f.Add("", "")
	f.Add("platform: &a [*a]", "? {}\n: <<: []")
	f.Fuzz(func(t *testing.T, platformText, environmentText string) {
		name := "live"
		if m := declaredName.FindStringSubmatch(environmentText); m != nil && m[1] != "platform" {
			name = m[1]
		}
		p, err := FS(fstest.MapFS{
			platformFile:   {Data: []byte(platformText)},
			name + ".yaml": {Data: []byte(environmentText)},
		}, "acme", today)
		if err == nil {
			if p == nil {
				t.Fatal("neither a platform nor an error")
			}
			for _, loose := range unresolved(p) {
				t.Error("it loads with a reference to nothing: " + loose)
			}
			return
		}
		var problems Problems
		if p != nil || !errors.As(err, &problems) || len(problems) == 0 {
			t.Fatalf("got platform %v beside error %v", p != nil, err)
		}
		for _, problem := range problems {
			checkReadable(t, problem)
		}
	})
}
