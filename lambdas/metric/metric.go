// Package metric is how a function measures: by a line of its log, of which CloudWatch makes
// metrics without any permission but to log. It knows the form of such a line (Amazon CloudWatch
// user guide, CloudWatch_Embedded_Metric_Format_Specification) and nothing of what is measured.
// Start with [Write].
package metric

import (
	"encoding/json"
	"io"
	"maps"
	"time"
)

// Namespace is where Remit's own metrics are, and the dimensions that tell them apart.
const (
	Namespace   = "Remit"
	Environment = "Environment"
	Lane        = "Lane" // [remit/terms.Lane.String]
)

// Dimension is one name under which a metric is found.
type Dimension struct{ Name, Value string }

// Metric is a count of something.
type Metric struct {
	Name  string
	Value any // a number
}

// Write writes one line. Beside is what stands in it for people and is no metric.
func Write(to io.Writer, at time.Time, dimensions []Dimension, metrics []Metric, beside map[string]any) error {
	line := maps.Clone(beside)
	if line == nil {
		line = map[string]any{}
	}
	var names []string
	for _, d := range dimensions {
		line[d.Name], names = d.Value, append(names, d.Name)
	}
	var units []map[string]string
	for _, m := range metrics {
		line[m.Name], units = m.Value, append(units, map[string]string{"Name": m.Name, "Unit": "Count"})
	}
	line["_aws"] = map[string]any{
		"Timestamp":         at.UnixMilli(),
		"CloudWatchMetrics": []any{map[string]any{"Namespace": Namespace, "Dimensions": [][]string{names}, "Metrics": units}},
	}
	return json.NewEncoder(to).Encode(line)
}
