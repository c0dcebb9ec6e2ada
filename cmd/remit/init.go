package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"remit/terms"
)

//go:embed sample
var sample embed.FS

// initialize writes a small declaration that is clean as it stands: the shortest way to
// one's own. It never overwrites anything.
func initialize(c *command, arguments []string) error {
	if len(arguments) != 1 {
		return usage{"which directory? its last part becomes the platform's name"}
	}
	dir := arguments[0]
	name := filepath.Base(dir)
	if err := new(terms.Name).UnmarshalText([]byte(name)); err != nil || strings.ToLower(name) != name {
		return usage{fmt.Sprintf("%q cannot be a platform's name, which is a lower-case letter, then letters, digits and single - or _", name)}
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is already there; nothing was written", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	files, err := sample.ReadDir("sample")
	if err != nil {
		return err
	}
	var written []string
	for _, file := range files {
		text, err := sample.ReadFile("sample/" + file.Name())
		if err != nil {
			return err
		}
		path := filepath.Join(dir, file.Name())
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), "NAME", name)), 0o644); err != nil {
			return err
		}
		written = append(written, path)
	}
	return c.print(map[string]any{"written": written}, fmt.Sprintf("%s\nnext: remit check %s\n", strings.Join(written, "\n"), dir))
}
