package shelf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Dir is a store in a directory, for one machine.
type Dir string

func (d Dir) path(key string) string { return filepath.Join(string(d), filepath.FromSlash(key)) }

// Get implements [Store].
func (d Dir) Get(_ context.Context, key string) ([]byte, error) {
	info, err := os.Stat(d.path(key))
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
		return nil, ErrAbsent
	}
	if err == nil && info.Size() > MaxContent {
		return nil, fmt.Errorf("%d bytes lie there; more than %d are not read", info.Size(), MaxContent)
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(d.path(key))
}

// Create implements [Store]: what lies there whole was linked in one step.
func (d Dir) Create(ctx context.Context, key string, content []byte) error {
	written, err := d.write(key, content)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(written) }() // the link keeps what was written
	if err := os.Link(written, d.path(key)); !errors.Is(err, fs.ErrExist) {
		return err
	}
	there, err := d.Get(ctx, key)
	if err != nil {
		return err
	}
	if !bytes.Equal(there, content) {
		return ErrTaken
	}
	return nil
}

// Replace implements [Store].
func (d Dir) Replace(_ context.Context, key string, content []byte) error {
	written, err := d.write(key, content)
	if err != nil {
		return err
	}
	return os.Rename(written, d.path(key))
}

func (d Dir) write(key string, content []byte) (string, error) {
	dir := filepath.Dir(d.path(key))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, ".laying-")
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return f.Name(), err
}

// List implements [Store].
func (d Dir) List(_ context.Context, prefix string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(string(d), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(string(d), path)
		if key := filepath.ToSlash(relative); err == nil && strings.HasPrefix(key, prefix) && !strings.HasPrefix(entry.Name(), ".laying-") {
			out = append(out, key)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	slices.Sort(out)
	return out, err
}
