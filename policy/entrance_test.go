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

func TestTheEdgesOfAShareAreWhereItSays(t *testing.T) {
	place := percentile("helper", "ana")
	for name, c := range map[string]struct {
		lanes []Registration
		want  string
	}{
		"a share that ends before her":                       {[]Registration{registered("canary", place), registered("stable", 0)}, "stable"},
		"a share that ends with her":                         {[]Registration{registered("canary", place+1), registered("stable", 0)}, "canary"},
		"a lane for the rest, alone":                         {[]Registration{registered("stable", 0)}, "stable"},
		"a lane for the rest, by name before a share of all": {[]Registration{registered("a", 0), registered("b", 100)}, "b"},
	} {
		if got, ok := Choose(c.lanes, "helper", "ana"); !ok || got.Lane.Name != c.want {
			t.Errorf("%s: got %q, want %q", name, got.Lane.Name, c.want)
		}
	}
}

func TestAnEntranceIsReadOnlyWithEveryPartThatAdmits(t *testing.T) {
	whole := Entrance{
		Format: Format, Platform: "acme", Environment: "test", Day: "America/New_York",
		Login: Login{Issuer: "https://login.example", Audience: "agents"}, Applications: []string{"desk"},
	}
	for name, without := range map[string]func(*Entrance){
		"its format":       func(e *Entrance) { e.Format++ },
		"a platform":       func(e *Entrance) { e.Platform = "" },
		"an environment":   func(e *Entrance) { e.Environment = "" },
		"a day":            func(e *Entrance) { e.Day = "" },
		"a day of its own": func(e *Entrance) { e.Day = "Local" },
		"a day on Earth":   func(e *Entrance) { e.Day = "Mars/Olympus" },
		"an issuer":        func(e *Entrance) { e.Login.Issuer = "" },
		"an audience":      func(e *Entrance) { e.Login.Audience = "" },
		"an application":   func(e *Entrance) { e.Applications = nil },
	} {
		e := whole
		without(&e)
		if _, err := LoadEntrance(written(t, e)); !errors.Is(err, ErrBundle) {
			t.Errorf("without %s it was read: %v", name, err)
		}
	}
	if e, err := LoadEntrance(written(t, whole)); err != nil || e.Login.Issuer != whole.Login.Issuer {
		t.Errorf("a whole one was refused: %v", err)
	}
}

func TestALaneRegistersOnlyWithEveryPart(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Registration)
		want   bool
	}{
		"nothing changed":   {func(*Registration) {}, true},
		"a share of all":    {func(r *Registration) { r.Share = 100 }, true},
		"a second to live":  {func(r *Registration) { r.Seconds = 1 }, true},
		"a share of more":   {func(r *Registration) { r.Share = 101 }, false},
		"a share of less":   {func(r *Registration) { r.Share = -1 }, false},
		"no name":           {func(r *Registration) { r.Lane.Name = "" }, false},
		"no runtime":        {func(r *Registration) { r.Runtime = "" }, false},
		"no endpoint":       {func(r *Registration) { r.Endpoint = "" }, false},
		"no gateway":        {func(r *Registration) { r.Gateway = "" }, false},
		"no time to live":   {func(r *Registration) { r.Seconds = 0 }, false},
		"less than no time": {func(r *Registration) { r.Seconds = -1 }, false},
		"no limit":          {func(r *Registration) { r.Caps = nil }, false},
	} {
		r := registered("stable", 0)
		c.change(&r)
		if _, err := LoadRegistration(written(t, r)); (err == nil) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestADoorIsReadUpToItsBound(t *testing.T) {
	text := written(t, registered("stable", 0))
	full := append(text, strings.Repeat(" ", MaxDoor-len(text))...)
	if _, err := LoadRegistration(full); err != nil {
		t.Errorf("the largest that a parameter holds was refused: %v", err)
	}
	if _, err := LoadRegistration(append(full, ' ')); !errors.Is(err, ErrBundle) {
		t.Errorf("a larger one was read: %v", err)
	}
}

func written(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
