// Package artifact packs a Lambda function: its binary and the documents it decides by, in
// one zip that is the same wherever and whenever it is made. It knows the form of a zip
// and nothing of what is inside. Start with [Pack].
//
// The name of a zip is the digest of what it holds, so a function's code tells whether
// binary or documents changed, and nothing else does.
package artifact

import (
	"archive/zip"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Dir is where the built functions are, below the checkout.
const Dir = ".tools/lambdas"

// Built is the zip of one function's binary, as artifact/build leaves it.
func Built(dir, function string) string { return filepath.Join(dir, function+".zip") }

// Name is the file name of a packed function.
func Name(digest string) string { return digest + ".zip" }

// Pack adds documents to a built function and writes the zip into a directory, unless it is
// there already, whole. It answers the digest of the content, in hex, which [Name] turns into
// the file's name. The binary is not compressed again.
func Pack(built string, documents map[string][]byte, into string) (digest string, err error) {
	base, err := zip.OpenReader(built)
	if err != nil {
		return "", fmt.Errorf("the function is not built; run: go run ./artifact/build: %w", err)
	}
	defer func() { _ = base.Close() }() // it was only read
	digest = name(base.File, documents)
	if err := os.MkdirAll(into, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(into, Name(digest))
	if whole(path) {
		return digest, nil
	}
	return digest, write(path, func(out io.Writer) error { return merge(out, base.File, documents) })
}

// whole reports whether a zip is there to its end, where its directory is. One that was cut,
// by a full disk or a copy that broke off, would be deployed and never start.
func whole(path string) bool {
	there, err := zip.OpenReader(path)
	return err == nil && there.Close() == nil
}

// name digests what the zip will hold: names, modes, checksums and documents.
func name(files []*zip.File, documents map[string][]byte) string {
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%d:%s %v %s\n", len(f.Name), f.Name, f.Mode(), f.Comment)
	}
	for _, n := range slices.Sorted(maps.Keys(documents)) {
		fmt.Fprintf(h, "%d:%s %d:%s\n", len(n), n, len(documents[n]), documents[n])
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func merge(out io.Writer, files []*zip.File, documents map[string][]byte) error {
	w := zip.NewWriter(out)
	for _, f := range files {
		if err := w.Copy(f); err != nil {
			return err
		}
	}
	for _, n := range slices.Sorted(maps.Keys(documents)) {
		if err := add(w, n, "", 0o644, documents[n]); err != nil {
			return err
		}
	}
	return w.Close()
}

// add stores one file without a time, so that the zip does not tell when it was made. The
// comment carries the content's digest.
func add(w *zip.Writer, name, comment string, mode os.FileMode, content []byte) error {
	header := &zip.FileHeader{Name: name, Comment: comment, Method: zip.Deflate}
	header.SetMode(mode)
	file, err := w.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return err
}

// write makes a file whole or not at all.
func write(path string, content func(io.Writer) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".packing-")
	if err != nil {
		return err
	}
	err = content(file)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = os.Remove(file.Name()) // the error that matters is the first
		return err
	}
	return os.Rename(file.Name(), path)
}

// Binary writes the zip of one binary, as provided.al2023 wants it: executable and called
// bootstrap. It answers whether anything changed.
func Binary(binary, zipped string) (changed bool, err error) {
	content, err := os.ReadFile(binary)
	if err != nil {
		return false, err
	}
	digest := fmt.Sprintf("%x", sha256.Sum256(content))
	if old, err := zip.OpenReader(zipped); err == nil {
		same := len(old.File) == 1 && old.File[0].Comment == digest
		if err := old.Close(); err == nil && same {
			return false, nil
		}
	}
	return true, write(zipped, func(out io.Writer) error {
		w := zip.NewWriter(out)
		if err := add(w, "bootstrap", digest, 0o755, content); err != nil {
			return err
		}
		return w.Close()
	})
}
