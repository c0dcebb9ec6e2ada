package metric

import (
	"bytes"
	"testing"
	"time"
)

func TestALineIsWhatCloudWatchReads(t *testing.T) {
	var out bytes.Buffer
	err := Write(&out, time.UnixMilli(1700000000123), []Dimension{{Environment, "prod"}, {Lane, "p.e.a.l"}}, []Metric{{"Calls", 3}, {"Mean", 1.5}}, map[string]any{"why": "x"})
	want := `{"Calls":3,"Environment":"prod","Lane":"p.e.a.l","Mean":1.5,"_aws":{"CloudWatchMetrics":[{"Dimensions":[["Environment","Lane"]],"Metrics":[{"Name":"Calls","Unit":"Count"},{"Name":"Mean","Unit":"Count"}],"Namespace":"Remit"}],"Timestamp":1700000000123},"why":"x"}` + "\n"
	if err != nil || out.String() != want {
		t.Errorf("got %s%v\nwant %s", out.String(), err, want)
	}
}

func TestWhatStandsBesideIsTheCallersOwn(t *testing.T) {
	beside := map[string]any{"why": "x"}
	if err := Write(&bytes.Buffer{}, time.Time{}, nil, []Metric{{"Calls", 1}}, beside); err != nil || len(beside) != 1 {
		t.Errorf("%v, %v", beside, err)
	}
}
