package policy

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestClosingsThatSayTooLittleCloseNothing(t *testing.T) {
	want := []Closing{{Tool: "flag", Event: "Reviewed", Bus: "orders", ID: "order_id", Argument: "order", Directory: "orders"}}
	whole, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := LoadClosings(whole); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%v, %v", got, err)
	}
	spoilt := map[string]string{"nothing": `[]`, "null": `null`, "not JSON": `[`, "unknown key": strings.Replace(string(whole), `"tool"`, `"tools"`, 1), "twice": string(whole) + "[]"}
	for i := range reflect.TypeFor[Closing]().NumField() {
		lacking := want[0]
		reflect.ValueOf(&lacking).Elem().Field(i).SetString("")
		text, err := json.Marshal([]Closing{lacking})
		if err != nil {
			t.Fatal(err)
		}
		spoilt["without "+reflect.TypeFor[Closing]().Field(i).Name] = string(text)
	}
	for name, text := range spoilt {
		if got, err := LoadClosings([]byte(text)); !errors.Is(err, ErrBundle) {
			t.Errorf("%s: %s was read as %v, %v", name, text, got, err)
		}
	}
}

func TestApprovalsHaveAnAudienceOfTheirOwn(t *testing.T) {
	entrance := Entrance{Format: Format, Platform: "p", Environment: "e", Day: "UTC", Login: Login{Issuer: "https://i", Audience: "agents"}, Applications: []string{"desk"}}
	for audience, admitted := range map[string]bool{"approvals": true, "agents": false, "": false} {
		entrance.Approvals = &Approvals{Audience: audience, Client: "page"}
		text, err := json.Marshal(entrance)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := LoadEntrance(text); (err == nil) != admitted || admitted && got.Approvals.Client != "page" {
			t.Errorf("audience %q: %+v, %v", audience, got.Approvals, err)
		}
	}
}
