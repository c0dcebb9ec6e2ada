package main

import (
	"strings"
	"testing"
)

func TestAMeterThatHearsNothingIsADifferenceThatSaysWhatToDo(t *testing.T) {
	for group, want := range map[string]string{
		"/ours": "", "": "have the account's owner log them to /ours", "/theirs": "declare model_logs: {group: /theirs}",
	} {
		if got := strings.Join(unlogged("/ours", group), "; "); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("logged to %q: %q, want %q", group, got, want)
		}
	}
}
