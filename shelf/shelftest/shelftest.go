// Package shelftest is what every store of a shelf has to do.
package shelftest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"

	"remit/attest"
	"remit/shelf"
)

// Run runs the suite over a store in which nothing lies yet.
func Run(t *testing.T, s shelf.Store) {
	ctx := t.Context()
	if _, err := s.Get(ctx, "a/b"); !errors.Is(err, shelf.ErrAbsent) {
		t.Errorf("where nothing lies: %v", err)
	}
	for _, step := range []struct {
		content string
		want    error
	}{{"one", nil}, {"one", nil}, {"two", shelf.ErrTaken}} {
		if err := s.Create(ctx, "a/b", []byte(step.content)); !errors.Is(err, step.want) {
			t.Errorf("creating %q: %v, not %v", step.content, err, step.want)
		}
	}
	if got, err := s.Get(ctx, "a/b"); string(got) != "one" || err != nil {
		t.Errorf("what was laid first stays: %q, %v", got, err)
	}
	if err := s.Replace(ctx, "a/c", []byte("x")); err != nil {
		t.Error(err)
	}
	if err := s.Replace(ctx, "a/c", []byte("y")); err != nil {
		t.Error(err)
	}
	if got, err := s.Get(ctx, "a/c"); string(got) != "y" || err != nil {
		t.Errorf("what was replaced: %q, %v", got, err)
	}
	if keys, err := s.List(ctx, "a/"); !slices.Equal(keys, []string{"a/b", "a/c"}) || err != nil {
		t.Errorf("%v lie there, %v", keys, err)
	}
	if keys, err := s.List(ctx, "nothing/"); len(keys) != 0 || err != nil {
		t.Errorf("%v lie where nothing does, %v", keys, err)
	}
	race(t, s)
	named(t, shelf.Shelf{Store: s})
}

// race: of many who create the same key at once one does, and everybody else is told.
func race(t *testing.T, s shelf.Store) {
	const callers = 8
	var wg sync.WaitGroup
	results := make([]error, callers)
	for i := range callers {
		wg.Go(func() { results[i] = s.Create(t.Context(), "race/key", fmt.Appendf(nil, "by %d", i)) })
	}
	wg.Wait()
	content, err := s.Get(t.Context(), "race/key")
	if err != nil {
		t.Fatal(err)
	}
	for i, result := range results {
		won := bytes.Equal(content, fmt.Appendf(nil, "by %d", i))
		if won && result != nil || !won && !errors.Is(result, shelf.ErrTaken) {
			t.Errorf("caller %d, who won: %v, is told %v", i, won, result)
		}
	}
}

// named: the shelf's own keys say what they are of, and let nobody out of their part.
func named(t *testing.T, s shelf.Shelf) {
	ctx := t.Context()
	if run, err := s.Running(ctx, "prod"); run != (attest.Run{}) || err != nil {
		t.Errorf("nothing runs: %+v, %v", run, err)
	}
	want := attest.Run{Environment: "prod", Release: "r1", Execution: "run-1"}
	if err := s.Run(ctx, want); err != nil {
		t.Error(err)
	}
	if run, err := s.Running(ctx, "prod"); run != want || err != nil {
		t.Errorf("%+v runs, %v", run, err)
	}
	first := attest.Approval{Digest: "d", Class: "security", Person: "ines"}
	if err := s.Approve(ctx, "prod", "run-1", first); err != nil {
		t.Error(err)
	}
	if err := s.Approve(ctx, "prod", "run-1", attest.Approval{Digest: "d", Class: "security", Person: "tom"}); !errors.Is(err, shelf.ErrTaken) {
		t.Errorf("a second approval of a class: %v", err)
	}
	if err := s.Approve(ctx, "prod", "run-10", attest.Approval{Class: "security"}); err != nil {
		t.Error(err)
	}
	if got, err := s.Approvals(ctx, "prod", "run-1"); !reflect.DeepEqual(got, []attest.Approval{first}) || err != nil {
		t.Errorf("agreed to run-1: %+v, %v", got, err)
	}
	for _, part := range []string{"", "..", "a/b", "a\\b", ".", "a\x00"} {
		if err := s.Attest(ctx, "prod", part, nil); err == nil {
			t.Errorf("%q was taken for the name of a run", part)
		}
	}
}
