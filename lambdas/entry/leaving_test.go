package entry

import (
	"context"
	"testing"
	"time"
)

func TestThereIsTimeLeftToCloseBeforeTheFunctionEnds(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	function, cancel := context.WithDeadline(context.Background(), noon.Add(15*time.Minute))
	defer cancel()
	for name, c := range map[string]struct {
		ctx      context.Context
		deadline time.Time
		want     time.Time
	}{
		"an execution shorter than the function": {function, noon.Add(time.Minute), noon.Add(time.Minute)},
		"an execution longer than the function":  {function, noon.Add(time.Hour), noon.Add(15*time.Minute - 3*time.Second)},
		"a server that does not end":             {context.Background(), noon.Add(time.Hour), noon.Add(time.Hour)},
	} {
		if got := cutAt(c.ctx, c.deadline); !got.Equal(c.want) {
			t.Errorf("%s: the answer is cut at %v, want %v", name, got, c.want)
		}
	}
}
