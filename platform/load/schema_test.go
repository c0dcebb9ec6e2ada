package load

import (
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"go.yaml.in/yaml/v3"
)

// schemaFiles are what editors read beside a declaration.
var schemaFiles = map[bool]string{
	false: "../../environments/schema/platform.schema.json",
	true:  "../../environments/schema/environment.schema.json",
}

func TestEditorSchemasAreCurrent(t *testing.T) {
	for environment, path := range schemaFiles {
		want := Schema(environment)
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s is out of date, so editors call right declarations wrong: go test ./platform/load -update", path)
		}
	}
}

// editorSchemas are the schemas as JSON, for tests that walk them beside a declaration.
var editorSchemas = sync.OnceValue(func() map[bool]map[string]any {
	out := map[bool]map[string]any{}
	for environment := range schemaFiles {
		var schema map[string]any
		if err := json.Unmarshal(Schema(environment), &schema); err != nil {
			panic(err) // Schema wrote it
		}
		out[environment] = schema
	}
	return out
})

var resolvedSchemas = sync.OnceValues(func() (map[bool]*jsonschema.Resolved, error) {
	out := map[bool]*jsonschema.Resolved{}
	for environment := range schemaFiles {
		var schema jsonschema.Schema
		if err := json.Unmarshal(Schema(environment), &schema); err != nil {
			return nil, err
		}
		resolved, err := schema.Resolve(nil)
		if err != nil {
			return nil, err
		}
		out[environment] = resolved
	}
	return out, nil
})

// againstSchema is what an editor finds wrong with a declaration file.
func againstSchema(t *testing.T, environment bool, text []byte) error {
	t.Helper()
	schemas, err := resolvedSchemas()
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil {
		return err
	}
	return schemas[environment].Validate(value)
}

func TestTheWorkedCompaniesSatisfyTheEditorSchemas(t *testing.T) {
	for _, dir := range append(worked, "testdata/base") {
		for name, file := range company(t, dir) {
			if err := againstSchema(t, name != platformFile, file.Data); err != nil {
				t.Errorf("an editor would call %s/%s wrong: %v", dir, name, err)
			}
		}
	}
}

func TestAnEditorSeesWhatTheLoaderRefuses(t *testing.T) {
	files := acme(t)
	for name, change := range map[string][3]string{
		"an unknown key":              {"live.yaml", "removal: retain", "removal: retain\ninvented: 1"},
		"an unknown key of the other": {"platform.yaml", "purposes: [ordering]", "purposes: [ordering]\nremoval: retain"},
		"an unknown key in a tool":    {"platform.yaml", "    access: read", "    access: read\n    invented: 1"},
		"an unknown key in a lane":    {"live.yaml", "      code:", "      invented: 1\n      code:"},
		"a missing key":               {"live.yaml", "removal: retain", ""},
		"a bad name":                  {"platform.yaml", "  helper:", "  helper--two:"},
		"a bad lane name":             {"live.yaml", "    stable:", "    stable--two:"},
		"an empty list":               {"platform.yaml", "tools: [find_order, read_stock]", "tools: []"},
		"a word outside its words":    {"live.yaml", "lock: none", "lock: worm"},
		"a limit of zero":             {"live.yaml", "tool_calls: 10", "tool_calls: 0"},
		"an account without quotes":   {"live.yaml", `"200000000001"`, "200000000001"},
		"a reserved key":              {"live.yaml", "removal: retain", "removal: retain\nenforcement: observe"},
	} {
		text := string(files[change[0]].Data)
		if !strings.Contains(text, change[1]) {
			t.Fatalf("%s: %s has no %q", name, change[0], change[1])
		}
		if againstSchema(t, change[0] != platformFile, []byte(strings.Replace(text, change[1], change[2], 1))) == nil {
			t.Errorf("%s: whoever writes it learns of it only from the loader", name)
		}
	}
}
