package artifact

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// function builds a function's zip from a binary's bytes, and answers where it is.
func function(t testing.TB, binary string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "entry")
	if err := os.WriteFile(path, []byte(binary), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Binary(path, Built(dir, "entry")); err != nil {
		t.Fatal(err)
	}
	return Built(dir, "entry")
}

func packed(t testing.TB, built string, documents map[string][]byte, into string) (digest string, content []byte) {
	t.Helper()
	digest, err := Pack(built, documents, into)
	if err != nil {
		t.Fatal(err)
	}
	content, err = os.ReadFile(filepath.Join(into, Name(digest)))
	if err != nil {
		t.Fatal(err)
	}
	return digest, content
}

var documents = map[string][]byte{"bundle.json": []byte(`{"lane":"a"}`), "audit.json": []byte(`{}`)}

func TestTwoRunsMakeTheSameBytes(t *testing.T) {
	first, a := packed(t, function(t, "ELF"), documents, t.TempDir())
	second, b := packed(t, function(t, "ELF"), documents, t.TempDir())
	if first != second || !bytes.Equal(a, b) {
		t.Errorf("the same function is %s and %s, so a deployment changes what did not change", first, second)
	}
}

func TestAZipHoldsTheBinaryAndItsDocumentsAsLambdaWantsThem(t *testing.T) {
	_, content := packed(t, function(t, "ELF"), documents, t.TempDir())
	got := []string{}
	for _, f := range unzip(t, content) {
		text := read(t, f)
		got = append(got, fmt.Sprintf("%s %v %s %v", f.Name, f.Mode(), text, f.Modified.IsZero() || f.Modified.Before(time.Date(1981, 1, 1, 0, 0, 0, 0, time.UTC))))
	}
	want := []string{"bootstrap -rwxr-xr-x ELF true", "audit.json -rw-r--r-- {} true", `bundle.json -rw-r--r-- {"lane":"a"} true`}
	if !slices.Equal(got, want) {
		t.Errorf("the zip holds\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func unzip(t testing.TB, content []byte) []*zip.File {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	return r.File
}

func read(t testing.TB, f *zip.File) string {
	t.Helper()
	file, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWhateverChangesChangesTheDigestAndNothingElseDoes(t *testing.T) {
	built, into := function(t, "ELF"), t.TempDir()
	base, _ := packed(t, built, documents, into)
	seen := map[string]string{base: "the base"}
	for name, c := range map[string]struct {
		binary    string
		documents map[string][]byte
	}{
		"another binary":         {"ELF2", documents},
		"one byte of a document": {"ELF", map[string][]byte{"bundle.json": []byte(`{"lane":"b"}`), "audit.json": []byte(`{}`)}},
		"a document's name":      {"ELF", map[string][]byte{"bundle2.json": []byte(`{"lane":"a"}`), "audit.json": []byte(`{}`)}},
		"a document less":        {"ELF", map[string][]byte{"bundle.json": []byte(`{"lane":"a"}`)}},
		"no document":            {"ELF", nil},
		"contents exchanged":     {"ELF", map[string][]byte{"audit.json": []byte(`{"lane":"a"}`), "bundle.json": []byte(`{}`)}},
		"a name in a content":    {"ELF", map[string][]byte{"audit.json": []byte("{}\n11:bundle.json 12:{\"lane\":\"a\"}")}},
	} {
		digest, _ := packed(t, function(t, c.binary), c.documents, t.TempDir())
		if other, taken := seen[digest]; taken {
			t.Errorf("%s has the digest of %s: the function would not be deployed", name, other)
		}
		seen[digest] = name
	}
	if again, _ := packed(t, built, map[string][]byte{"audit.json": []byte(`{}`), "bundle.json": []byte(`{"lane":"a"}`)}, into); again != base {
		t.Error("the order of documents changes the digest")
	}
}

func TestDifferentDocumentsNeverShareADigest(t *testing.T) {
	built, into := function(t, "ELF"), t.TempDir()
	some := rapid.MapOfN(rapid.StringMatching(`[a-c :\n]{1,4}`), rapid.SliceOfN(rapid.ByteRange('0', 'c'), 0, 4), 0, 3)
	rapid.Check(t, func(t *rapid.T) {
		a, b := some.Draw(t, "a"), some.Draw(t, "b")
		one, err := Pack(built, a, into)
		two, err2 := Pack(built, b, into)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if same := fmt.Sprint(a) == fmt.Sprint(b); (one == two) != same {
			t.Fatalf("%v is %s and %v is %s", a, one, b, two)
		}
	})
}

func TestATornZipIsMadeAgain(t *testing.T) {
	built, into := function(t, "ELF"), t.TempDir()
	digest, whole := packed(t, built, documents, into)
	path := filepath.Join(into, Name(digest))
	for _, size := range []int{0, 1, len(whole) / 2, len(whole) - 1} {
		if err := os.WriteFile(path, whole[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		if again, content := packed(t, built, documents, into); again != digest || !bytes.Equal(content, whole) {
			t.Errorf("a zip that was cut at byte %d of %d is deployed as it is", size, len(whole))
		}
	}
}

func TestATornFunctionIsZippedAgainAndAWholeOneIsNot(t *testing.T) {
	built := function(t, "ELF")
	binary := strings.TrimSuffix(built, ".zip")
	whole, err := os.ReadFile(built)
	if err != nil {
		t.Fatal(err)
	}
	if changed, err := Binary(binary, built); err != nil || changed {
		t.Errorf("the same binary was zipped again: %v, %v", changed, err)
	}
	for _, size := range []int{0, len(whole) / 2, len(whole) - 1} {
		if err := os.WriteFile(built, whole[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		changed, err := Binary(binary, built)
		content, also := os.ReadFile(built)
		if err != nil || also != nil || !changed || !bytes.Equal(content, whole) {
			t.Errorf("a zip that was cut at byte %d of %d stays: %v, %v, %v", size, len(whole), changed, err, also)
		}
	}
	if err := os.WriteFile(binary, []byte("ELF2"), 0o600); err != nil {
		t.Fatal(err)
	}
	if changed, err := Binary(binary, built); err != nil || !changed {
		t.Errorf("another binary was not zipped: %v, %v", changed, err)
	}
}

func TestWhatCannotBeMadeLeavesNothing(t *testing.T) {
	into := t.TempDir()
	if _, err := Pack(filepath.Join(into, "none.zip"), documents, into); err == nil || !strings.Contains(err.Error(), "go run ./artifact/build") {
		t.Errorf("a function that was never built: %v", err)
	}
	if _, err := Binary(filepath.Join(into, "none"), filepath.Join(into, "none.zip")); err == nil {
		t.Error("a binary that is not there was zipped")
	}
	err := write(filepath.Join(into, "half.zip"), func(out io.Writer) error {
		_, _ = out.Write([]byte("half"))
		return io.ErrUnexpectedEOF
	})
	left, also := os.ReadDir(into)
	if err == nil || also != nil || len(left) != 0 {
		t.Errorf("%v %v; left behind: %v", err, also, left)
	}
}
