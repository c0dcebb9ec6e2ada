package watch

import (
	"encoding/json"
	"io"
	"time"

	"remit/anomaly"
)

// Namespace is where the metrics are, and the dimensions of each lane's.
const (
	Namespace   = "Remit"
	Environment = "Environment"
	Lane        = "Lane"
)

// metric is a metric as the embedded metric format defines one (Amazon CloudWatch user guide,
// CloudWatch_Embedded_Metric_Format_Specification): its value is a member of the line.
type metric struct {
	Name string
	Unit string
}

// writeMetrics writes one line that CloudWatch Logs makes metrics of. What is not known is
// left out: a zero would be a measurement.
func writeMetrics(to io.Writer, environment string, now time.Time, v anomaly.Verdict, h hour) error {
	line := map[string]any{Environment: environment, Lane: v.Lane.String(), "Level": v.Level}
	var metrics []metric
	say := func(name string, value any) {
		line[name], metrics = value, append(metrics, metric{name, "Count"})
	}
	say("CallsPerHour", h.calls)
	say("ExecutionsPerHour", h.executions)
	say("Refused", h.refused)
	say("Anomaly", v.Level.Number())
	if h.executions > 0 {
		say("CallsPerExecution", float64(h.calls)/float64(h.executions))
	}
	for _, m := range v.Measures {
		if m.Of == anomaly.Calls && m.Over == time.Hour {
			say("ExpectedCallsPerHour", m.Expected)
		}
	}
	line["_aws"] = map[string]any{
		"Timestamp":         now.UnixMilli(),
		"CloudWatchMetrics": []any{map[string]any{"Namespace": Namespace, "Dimensions": [][]string{{Environment, Lane}}, "Metrics": metrics}},
	}
	return json.NewEncoder(to).Encode(line)
}
