package assembly

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Asset is a file that deploying publishes, where to, and the manifest that says so. Packed is
// true of a directory that is packed only then, so that nobody can say beforehand what will lie
// there.
type Asset struct {
	Path, Bucket, Key string
	Manifest          string
	Packed            bool
}

// Assets reads what a cloud assembly publishes, nested ones included, in order of bucket and
// key (CDK cloud assembly schema: AssetManifest). Images that are built when deployed are none
// that can be named beforehand, so an assembly with one is refused.
func Assets(fsys fs.FS) ([]Asset, error) {
	var out []Asset
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".assets.json") {
			return err
		}
		found, err := assetsIn(fsys, name)
		out = append(out, found...)
		return err
	})
	slices.SortFunc(out, func(a, b Asset) int {
		return slices.Compare([]string{a.Bucket, a.Key, a.Path}, []string{b.Bucket, b.Key, b.Path})
	})
	return slices.Compact(out), err
}

func assetsIn(fsys fs.FS, name string) ([]Asset, error) {
	var m struct {
		Files map[string]struct {
			Source       struct{ Path, Packaging string }
			Destinations map[string]struct{ BucketName, ObjectKey string }
		}
		DockerImages map[string]any
	}
	if err := readJSON(fsys, name, &m); err != nil {
		return nil, err
	}
	if len(m.DockerImages) > 0 {
		return nil, fmt.Errorf("%s: an image is built when this is deployed, so nobody can say now what it will hold; build images before and name their digest", name)
	}
	var out []Asset
	for _, file := range m.Files {
		for _, to := range file.Destinations {
			out = append(out, Asset{Path: path.Join(path.Dir(name), file.Source.Path), Bucket: to.BucketName, Key: to.ObjectKey, Manifest: name, Packed: file.Source.Packaging != "file"})
		}
	}
	return out, nil
}
