package arguments

import (
	"regexp"
	"testing"
)

func TestAKeyIsOfItsToolTenantAndNamedArgumentsAlone(t *testing.T) {
	call := map[string]any{"order": "O-1", "reason": "late"}
	key := Key("flag", "north", []string{"order"}, call)
	if !regexp.MustCompile(`^flag/north/[0-9a-f]{64}$`).MatchString(key) {
		t.Errorf("IAM cannot tell whose it is: %s", key)
	}
	if again := Key("flag", "north", []string{"order"}, map[string]any{"order": "O-1", "reason": "other"}); again != key {
		t.Errorf("another reason makes another flag: %s, %s", key, again)
	}
	for name, other := range map[string]string{
		"tool": Key("flag2", "north", []string{"order"}, call), "tenant": Key("flag", "south", []string{"order"}, call), "order": Key("flag", "north", []string{"order"}, map[string]any{"order": "O-2"}),
		"kind of value": Key("flag", "north", []string{"order"}, map[string]any{"order": 1.0}), "argument": Key("flag", "north", []string{"reason"}, map[string]any{"reason": "O-1"}),
	} {
		if other == key {
			t.Errorf("another %s has the same key", name)
		}
	}
}
