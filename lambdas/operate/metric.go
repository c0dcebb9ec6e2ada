package operate

import (
	"io"
	"time"

	"remit/lambdas/metric"
	"remit/ledger"
)

// MetricName is of the metric that says that something was widened; an alarm stands on it.
const MetricName = "Widened"

// Metric writes a line of which CloudWatch makes a metric, with who widened what.
func Metric(to io.Writer, environment string, now func() time.Time) func(ledger.Want, string) {
	return func(w ledger.Want, second string) {
		_ = metric.Write(to, now(), []metric.Dimension{{Name: metric.Environment, Value: environment}}, []metric.Metric{{Name: MetricName, Value: 1}}, map[string]any{
			"first": w.Who, "second": second, "why": w.Why, "kind": w.Kind, "name": w.Name, "execution": w.Execution, "limit": w.More.Limit, "by": w.More.Take, "until": w.Until,
		}) // what is not logged is still in the ledger's records
	}
}
