package operate

import (
	"encoding/json"
	"io"
	"time"

	"remit/ledger"
)

// Of the metric that says that something was widened; an alarm stands on it.
const (
	MetricNamespace = "Remit"
	MetricName      = "Widened"
	MetricDimension = "Environment"
)

// Metric writes a line from which CloudWatch makes a metric, with who widened what (CloudWatch
// user guide, CloudWatch_Embedded_Metric_Format_Specification). It needs no permission but to log.
func Metric(to io.Writer, environment string, now func() time.Time) func(ledger.Want, string) {
	return func(w ledger.Want, second string) {
		_ = json.NewEncoder(to).Encode(map[string]any{ // what is not logged is still in the ledger's records
			"_aws": map[string]any{"Timestamp": now().UnixMilli(), "CloudWatchMetrics": []any{map[string]any{
				"Namespace": MetricNamespace, "Dimensions": [][]string{{MetricDimension}}, "Metrics": []any{map[string]string{"Name": MetricName, "Unit": "Count"}},
			}}},
			MetricDimension: environment, MetricName: 1,
			"first": w.Who, "second": second, "why": w.Why, "kind": w.Kind, "name": w.Name, "execution": w.Execution, "limit": w.More.Limit, "by": w.More.Take, "until": w.Until,
		})
	}
}
