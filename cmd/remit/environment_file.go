package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"remit/platform"
	"remit/platform/load"
	"remit/promotion"
	"remit/terms"
)

// environmentFile is an environment's file as it was read, and what the declaration says with it.
type environmentFile struct {
	dir, path, shown string // the declaration, its file to write, its file to show
	text             []byte
	today            terms.Date
	declared         *platform.Platform
	environment      platform.Environment
	agent            string
	lanes            []platform.Lane
}

func openEnvironment(environment, agent string, arguments []string) (*environmentFile, error) {
	dir, err := declarationDir(arguments)
	if err != nil {
		return nil, err
	}
	s := &environmentFile{dir: dir, agent: agent, today: today()}
	p, err := load.Dir(dir, s.today)
	if err != nil {
		return nil, err
	}
	e, ok := p.Environment(environment)
	if !ok {
		return nil, usage{fmt.Sprintf("%s has no environment %q; it has %s", p.Name, environment, strings.Join(environmentNames(p), ", "))}
	}
	return s, s.read(e.Name)
}

// read keeps the text that everything else is said of, and what the declaration says with it.
func (s *environmentFile) read(environment string) error {
	name := filepath.Join(s.dir, environment+".yaml")
	path, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	s.path, s.shown, s.environment.Name = path, filepath.ToSlash(name), environment
	if s.text, err = os.ReadFile(path); err != nil {
		return err
	}
	if s.declared, err = s.with(s.text); err != nil {
		return err
	}
	s.environment, _ = s.declared.Environment(environment)
	s.lanes, err = lanesOf(s.declared, environment, s.agent)
	return err
}

// as is the declaration with the edited text, when it differs in what the edit says and in
// nothing else.
func (s *environmentFile) as(edit promotion.Edit, text []byte) (*platform.Platform, error) {
	after, err := s.with(text)
	if err != nil {
		return nil, errors.New("nothing is written, because the declaration would be wrong:\n" + err.Error()) // the problems are of a text that is nowhere
	}
	want, got := *s.declared, *after
	want.Places, got.Places = nil, nil
	want.Environments = slices.Clone(want.Environments)
	for i, e := range want.Environments {
		if e.Name == s.environment.Name {
			want.Environments[i].Lanes = edit.Sets(e.Lanes)
		}
	}
	if !reflect.DeepEqual(want, got) {
		return nil, fmt.Errorf("%s: nothing is written, because the edited file would say something else than was asked for; edit it by hand", s.shown)
	}
	return after, nil
}

// with loads the declaration as if the environment's file held a text.
func (s *environmentFile) with(text []byte) (*platform.Platform, error) {
	return load.FS(overlay{os.DirFS(s.dir), s.environment.Name + ".yaml", text}, filepath.ToSlash(s.dir), s.today)
}

// overlay is a file system with one file replaced.
type overlay struct {
	fs.FS
	name string
	text []byte
}

// Open opens the file itself too, for all that is not its text.
func (o overlay) Open(name string) (fs.File, error) {
	file, err := o.FS.Open(name)
	if err != nil || name != o.name {
		return file, err
	}
	return replaced{file, bytes.NewReader(o.text)}, nil
}

// replaced is an open file that reads as another text.
type replaced struct {
	fs.File
	text *bytes.Reader
}

func (r replaced) Read(into []byte) (int, error) { return r.text.Read(into) }

// write replaces the file by the edited text, at once or not at all, and not where somebody
// else has changed it since it was read.
func (s *environmentFile) write(text []byte) error {
	info, err := os.Stat(s.path)
	if err != nil {
		return err
	}
	temp, err := beside(s.path, text, info.Mode().Perm())
	if err != nil {
		return err
	}
	if now, err := os.ReadFile(s.path); err != nil || !bytes.Equal(now, s.text) {
		return errors.Join(fmt.Errorf("%s: somebody changed it meanwhile, so nothing is written; run this again", s.shown), os.Remove(temp))
	}
	if err := os.Rename(temp, s.path); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return nil
}

// beside writes a new file in the directory of another one, and to the disk. Its name is not
// one that a declaration's files have.
func beside(path string, text []byte, mode fs.FileMode) (string, error) {
	temp, err := os.CreateTemp(filepath.Dir(path), ".remit-*")
	if err != nil {
		return "", err
	}
	_, err = temp.Write(text)
	if err = errors.Join(err, temp.Chmod(mode), temp.Sync(), temp.Close()); err != nil {
		return "", errors.Join(err, os.Remove(temp.Name()))
	}
	return temp.Name(), nil
}
