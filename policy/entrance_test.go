package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"remit/terms"
)

const some = terms.Digest("sha256:0000000000000000000000000000000000000000000000000000000000000000")

func registered(lane string, share int) Registration {
	return Registration{
		Lane: terms.Lane{Platform: "acme", Environment: "test", Agent: "helper", Name: lane}, Runtime: "arn:r", Endpoint: lane, Gateway: "https://g",
		Share: share, Callers: []string{"clerk", "lead"}, Purposes: []string{"ordering"}, Seconds: 60, Caps: map[string]int64{"tool_calls": 20},
		Version: Version{Code: some, Prompts: some, Models: some, Parameters: some},
	}
}

func TestAUserStaysWithOneLaneAndSharesAreKept(t *testing.T) {
	lanes := []Registration{registered("stable", 0), registered("canary", 20)}
	backwards := []Registration{lanes[1], lanes[0]}
	canary := 0
	for i := range 10_000 {
		user := fmt.Sprintf("user-%d", i)
		one, ok := Choose(lanes, "helper", user)
		again, _ := Choose(backwards, "helper", user)
		if !ok || one.Lane != again.Lane {
			t.Fatalf("%s is served by %v and by %v, as the list happens to be ordered", user, one.Lane, again.Lane)
		}
		if one.Lane.Name == "canary" {
			canary++
		}
	}
	if canary < 1800 || canary > 2200 {
		t.Errorf("a share of 20%% served %d of 10000 users", canary)
	}
}

func TestNoLaneOfAnotherAgentIsChosen(t *testing.T) {
	if r, ok := Choose([]Registration{registered("stable", 0)}, "other", "u"); ok {
		t.Errorf("chose %v", r.Lane)
	}
	if r, ok := Choose([]Registration{registered("canary", 5)}, "helper", "a user beyond the share"); ok && percentile("helper", "a user beyond the share") >= 5 {
		t.Errorf("a lane with a share serves the rest: %v", r.Lane)
	}
}

func TestOnlyCallersWithATenantAndAPurposeAreAdmitted(t *testing.T) {
	clerk := terms.User{ID: "u", Tenant: "t", Roles: []string{"clerk"}}
	for name, c := range map[string]struct {
		user    terms.User
		purpose string
		want    string
	}{
		"a clerk, ordering":     {clerk, "ordering", ""},
		"a clerk, without aim":  {clerk, "", "the agent is not for this purpose"},
		"a clerk, for fun":      {clerk, "fun", "the agent is not for this purpose"},
		"a guest":               {terms.User{ID: "u", Tenant: "t", Roles: []string{"guest"}}, "ordering", "no role of the user may use the agent"},
		"somebody's empty role": {terms.User{ID: "u", Tenant: "t", Roles: []string{""}}, "ordering", "no role of the user may use the agent"},
		"nobody's clerk":        {terms.User{ID: "u", Roles: []string{"clerk"}}, "ordering", "the user has no tenant"},
	} {
		if got := registered("stable", 0).Admits(c.user, c.purpose); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	if (Registration{}).Admits(clerk, "ordering") == "" {
		t.Error("the zero registration admits somebody")
	}
}

func TestADoorThatCannotBeReadWholeIsNoDoor(t *testing.T) {
	whole, err := json.Marshal(registered("stable", 0))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := LoadRegistration(whole); err != nil || r.Seconds != 60 {
		t.Fatalf("a whole registration was refused: %v", err)
	}
	for name, text := range map[string]string{
		"unknown key": `{"lanes":1}`, "nothing": `{}`, "not JSON": `{`, "twice": string(whole) + "{}",
		"too large":             `{"runtime":"` + strings.Repeat("x", MaxDoor) + `"}`,
		"no caps":               strings.Replace(string(whole), `{"tool_calls":20}`, `{}`, 1),
		"a share over everyone": strings.Replace(string(whole), `"share":0`, `"share":101`, 1),
	} {
		if _, err := LoadRegistration([]byte(text)); !errors.Is(err, ErrBundle) {
			t.Errorf("%s was read as a registration: %v", name, err)
		}
		if _, err := LoadEntrance([]byte(text)); !errors.Is(err, ErrBundle) {
			t.Errorf("%s was read as an entrance: %v", name, err)
		}
	}
}
