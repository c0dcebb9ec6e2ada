package reach

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"remit/policy"
)

type shelf struct {
	session Session
	key     map[string]any
}

func (s *shelf) Read(_ context.Context, session Session, key map[string]any) ([]map[string]any, error) {
	s.session, s.key = session, key
	return []map[string]any{{"outcome": "approved"}}, nil
}

func (s *shelf) Call(_ context.Context, session Session, operation string, arguments map[string]any) (any, error) {
	s.session, s.key = session, arguments
	return operation, nil
}

const lane = "acme.test.helper.stable"

func reaching() (*Reach, *shelf) {
	s := &shelf{}
	return &Reach{Lane: lane, Reader: s, Reaches: map[string]policy.Reached{
		"read_book": {Role: "arn:aws:iam::1:role/r", Table: "book", Actions: []string{"Query"}, Attributes: []string{"month", "outcome"}, Reply: "decisions"},
		"ask":       {Role: "arn:aws:iam::1:role/r", API: "a", Operations: []string{"GET /x/{id}"}},
	}}, s
}

func custom(tool, headers string) map[string]string {
	return map[string]string{"bedrockAgentCoreToolName": tool, "bedrockAgentCorePropagatedHeaders": headers}
}

const headers = `{"X-Remit-User":"cleo","x-remit-tenant":"north","X-Remit-Execution":"ex-1","X-Remit-Lane":"acme.test.helper.stable"}`

func TestATableIsReadByTheKeyTheArgumentsNameForTheUserWhoAsks(t *testing.T) {
	r, s := reaching()
	got, err := r.Serve(context.Background(), custom("read-book___read_book", headers), map[string]any{"month": "2026-10", "other": 1})
	if err != nil || !reflect.DeepEqual(got, map[string]any{"decisions": []map[string]any{{"outcome": "approved"}}}) {
		t.Fatalf("got %v, %v", got, err)
	}
	if !reflect.DeepEqual(s.key, map[string]any{"month": "2026-10"}) || s.session.Caller != (Caller{"cleo", "north", "ex-1", lane}) || s.session.Tool != "read_book" {
		t.Errorf("read %v for %+v", s.key, s.session)
	}
}

func TestNothingIsReachedForNobodyOrForAnotherLane(t *testing.T) {
	for name, c := range map[string]struct {
		custom    map[string]string
		arguments map[string]any
	}{
		"no client context":   {nil, map[string]any{"month": "m"}},
		"another tool":        {custom("drop___drop", headers), map[string]any{"month": "m"}},
		"no headers":          {custom("b___read_book", ""), map[string]any{"month": "m"}},
		"headers not JSON":    {custom("b___read_book", "{"), map[string]any{"month": "m"}},
		"no user":             {custom("b___read_book", `{"X-Remit-Tenant":"north","X-Remit-Execution":"e","X-Remit-Lane":"`+lane+`"}`), map[string]any{"month": "m"}},
		"another lane's call": {custom("b___read_book", `{"X-Remit-User":"u","X-Remit-Tenant":"n","X-Remit-Execution":"e","X-Remit-Lane":"acme.live.helper.stable"}`), map[string]any{"month": "m"}},
		"no key":              {custom("b___read_book", headers), map[string]any{"other": "m"}},
	} {
		r, s := reaching()
		if _, err := r.Serve(context.Background(), c.custom, c.arguments); !errors.Is(err, ErrRefused) || s.session.Tool != "" {
			t.Errorf("%s: served, %v", name, err)
		}
	}
	if _, err := (&Reach{}).Serve(context.Background(), custom("b___read_book", headers), nil); !errors.Is(err, ErrRefused) {
		t.Error("the zero reach serves")
	}
}

func TestAnOperationIsCalledAsDeclared(t *testing.T) {
	r, s := reaching()
	got, err := r.Serve(context.Background(), custom("ask___ask", headers), map[string]any{"id": "7"})
	if err != nil || got != "GET /x/{id}" || s.session.Reached.API != "a" {
		t.Errorf("got %v, %v", got, err)
	}
}
