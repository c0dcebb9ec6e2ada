package watch

import (
	"io"
	"time"

	"remit/anomaly"
	"remit/lambdas/metric"
)

// writeMetrics measures one lane. What is not known is left out: a zero would be a
// measurement.
func writeMetrics(to io.Writer, environment string, now time.Time, v anomaly.Verdict, h hour) error {
	metrics := []metric.Metric{
		{Name: "CallsPerHour", Value: h.calls}, {Name: "ExecutionsPerHour", Value: h.executions}, {Name: "Refused", Value: h.refused}, {Name: "Anomaly", Value: v.Level.Number()},
	}
	if h.executions > 0 {
		metrics = append(metrics, metric.Metric{Name: "CallsPerExecution", Value: float64(h.calls) / float64(h.executions)})
	}
	for _, m := range v.Measures {
		if m.Of == anomaly.Calls && m.Over == time.Hour {
			metrics = append(metrics, metric.Metric{Name: "ExpectedCallsPerHour", Value: m.Expected})
		}
	}
	return metric.Write(to, now, []metric.Dimension{{Name: metric.Environment, Value: environment}, {Name: metric.Lane, Value: v.Lane.String()}}, metrics, map[string]any{"Level": v.Level})
}
