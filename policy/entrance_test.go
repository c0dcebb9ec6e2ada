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

func TestVersionsAreToldApartByEachOfTheirDigests(t *testing.T) {
	other := terms.Digest("sha256:" + strings.Repeat("1", 64))
	seen := map[string]bool{}
	for _, v := range []Version{{}, {some, some, some, some}, {other, some, some, some}, {some, other, some, some}, {some, some, other, some}, {some, some, some, other}, {some + some, "", some, some}} {
		if seen[v.Short()] {
			t.Errorf("%+v is told as another version, %q", v, v.Short())
		}
		seen[v.Short()] = true
	}
	if !seen[""] {
		t.Error("no version is some version")
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

// A part that is missing is a door through which somebody goes unchecked, so each one alone
// is enough to have none.
func TestEveryPartOfADoorIsNeeded(t *testing.T) {
	entrance := Entrance{Format: Format, Platform: "p", Environment: "e", Day: "UTC", Login: Login{Issuer: "https://i", Audience: "agents"}, Applications: []string{"desk"}}
	for name, spoil := range map[string]func(*Entrance){
		"":                  func(*Entrance) {},
		"a format":          func(e *Entrance) { e.Format = 0 },
		"a known format":    func(e *Entrance) { e.Format = Format + 1 },
		"a platform":        func(e *Entrance) { e.Platform = "" },
		"an environment":    func(e *Entrance) { e.Environment = "" },
		"a day":             func(e *Entrance) { e.Day = "" },
		"a day of its own":  func(e *Entrance) { e.Day = "Local" },
		"a day on earth":    func(e *Entrance) { e.Day = "Mars/Olympus" },
		"an issuer":         func(e *Entrance) { e.Login.Issuer = "" },
		"an audience":       func(e *Entrance) { e.Login.Audience = "" },
		"applications":      func(e *Entrance) { e.Applications = nil },
		"some applications": func(e *Entrance) { e.Applications = []string{} },
	} {
		spoilt := entrance
		spoil(&spoilt)
		text, err := json.Marshal(spoilt)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := LoadEntrance(text); (err == nil) != (name == "") || err != nil && !errors.Is(err, ErrBundle) {
			t.Errorf("an entrance without %s: %v", name, err)
		}
	}
	for name, spoil := range map[string]func(*Registration){
		"":                    func(*Registration) {},
		"a lane":              func(r *Registration) { r.Lane.Name = "" },
		"a runtime":           func(r *Registration) { r.Runtime = "" },
		"an endpoint":         func(r *Registration) { r.Endpoint = "" },
		"a gateway":           func(r *Registration) { r.Gateway = "" },
		"a lifetime":          func(r *Registration) { r.Seconds = 0 },
		"a lifetime to come":  func(r *Registration) { r.Seconds = -1 },
		"a delay to come":     func(r *Registration) { r.Late = -1 },
		"caps":                func(r *Registration) { r.Caps = nil },
		"a share of somebody": func(r *Registration) { r.Share = -1 },
		"a share of users":    func(r *Registration) { r.Share = 101 },
	} {
		spoilt := registered("stable", 100)
		spoil(&spoilt)
		text, err := json.Marshal(spoilt)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := LoadRegistration(text); (err == nil) != (name == "") || err != nil && !errors.Is(err, ErrBundle) {
			t.Errorf("a registration without %s: %v", name, err)
		}
	}
}

func TestADoorIsReadUpToItsSizeAndNoFurther(t *testing.T) {
	text, err := json.Marshal(registered("stable", 1))
	if err != nil {
		t.Fatal(err)
	}
	padded := string(text) + strings.Repeat(" ", MaxDoor-len(text))
	if _, err := LoadRegistration([]byte(padded)); err != nil {
		t.Errorf("%d bytes: %v", len(padded), err)
	}
	if _, err := LoadRegistration([]byte(padded + " ")); !errors.Is(err, ErrBundle) {
		t.Errorf("%d bytes: %v", len(padded)+1, err)
	}
}

func TestALaneServesItsShareToThePercentAndTheRestGoToTheOther(t *testing.T) {
	lanes := []Registration{registered("alpha", 0), registered("beta", 5), registered("gamma", 1)}
	seen := map[int]bool{}
	for i := range 2_000 {
		user := fmt.Sprint("user-", i)
		at, want := percentile("helper", user), "alpha"
		switch {
		case at < 5:
			want = "beta"
		case at == 5:
			want = "gamma"
		}
		seen[at] = true
		if got, ok := Choose(lanes, "helper", user); !ok || got.Lane.Name != want {
			t.Errorf("a user at %d of 100 is served by %s, want %s", at, got.Lane.Name, want)
		}
	}
	if len(seen) != 100 {
		t.Errorf("only %d of 100 places were tried", len(seen))
	}
}
