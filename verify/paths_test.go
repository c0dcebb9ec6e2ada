package verify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"remit/iam"
	"remit/test/absent"
)

// inRole is a world of one role with these permissions, in a boundary that holds nothing.
func inRole(actions []string) Case {
	role := iam.Role{ARN: "arn:aws:iam::111111111111:role/r", Boundary: "arn:aws:iam::111111111111:policy/b"}
	for i, a := range actions {
		role.Policy.Statements = append(role.Policy.Statements, iam.Statement{Sid: "S" + string(rune('a'+i)), Effect: iam.Allow, Actions: iam.Of(a), Resources: iam.Of("*")})
	}
	return Case{World: iam.World{Roles: []iam.Role{role}, Policies: []iam.Policy{{ARN: role.Boundary, Kind: "managed", Document: administrator}}}}
}

// found is the paths that are named.
func found(c Case) map[string]bool {
	out := map[string]bool{}
	for _, f := range Judge(c, escalation).Findings {
		id, _, _ := strings.Cut(f.Sentence, ":")
		out[id] = f.Unproven == ""
	}
	return out
}

// published is what is read of a path. One file of the corpus repeats a key elsewhere, so the
// document is not decoded whole.
type published struct {
	ID          string
	Permissions struct{ Required []struct{ Permission string } }
}

func read(t *testing.T, text []byte) (out published) {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	top := document.Content[0].Content
	for i := 0; i+1 < len(top); i += 2 {
		var err error
		switch top[i].Value {
		case "id":
			err = top[i+1].Decode(&out.ID)
		case "permissions":
			err = top[i+1].Decode(&out.Permissions)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestEveryPublishedPathIsFoundAndNoneThatLacksAStep(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(absent.Corpus(t, "..", "pathfinding"), "*.yaml"))
	ours := map[string]bool{}
	for _, p := range paths {
		ours[p.id] = true
	}
	if len(files) == 0 {
		t.Fatal("the corpus is empty")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		published := read(t, text)
		var needs []string
		for _, r := range published.Permissions.Required {
			needs = append(needs, r.Permission)
		}
		if !ours[published.ID] {
			t.Errorf("path %s is published and not in the table", published.ID)
			continue
		}
		if !found(inRole(needs))[published.ID] {
			t.Errorf("path %s is planted and not found: %v", published.ID, needs)
		}
		for i := range needs {
			short := append(append([]string(nil), needs[:i]...), needs[i+1:]...)
			if found(inRole(short))[published.ID] {
				t.Errorf("path %s is accused without %s, which it needs", published.ID, needs[i])
			}
		}
	}
	t.Logf("%d published paths", len(files))
}

func TestEveryPathOfOursIsFoundAndNoneThatLacksAStep(t *testing.T) {
	for _, p := range paths {
		var needs []string
		for _, s := range p.needs {
			needs = append(needs, s.action)
		}
		if !found(inRole(needs))[p.id] {
			t.Errorf("path %s is planted and not found: %v", p.id, needs)
		}
		for i := range needs {
			if found(inRole(append(append([]string(nil), needs[:i]...), needs[i+1:]...)))[p.id] {
				t.Errorf("path %s is accused without %s, which it needs", p.id, needs[i])
			}
		}
	}
}
