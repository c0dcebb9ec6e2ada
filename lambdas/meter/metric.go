package meter

import (
	"encoding/json"
	"io"
	"time"

	"remit/terms"
)

// Namespace and the dimensions are under what Remit's own metrics are found.
const (
	Namespace            = "Remit"
	EnvironmentDimension = "Environment"
	LaneDimension        = "Lane" // [terms.Lane.String]
)

// Metrics counts by lines of a function's log, which CloudWatch makes metrics of (CloudWatch
// User Guide, Embedded Metric Format Specification).
func Metrics(log io.Writer) func(terms.Lane, Kind) {
	return func(lane terms.Lane, what Kind) {
		line, err := json.Marshal(map[string]any{
			"_aws": map[string]any{"Timestamp": time.Now().UnixMilli(), "CloudWatchMetrics": []any{map[string]any{
				"Namespace": Namespace, "Dimensions": [][]string{{EnvironmentDimension, LaneDimension}}, "Metrics": []any{map[string]string{"Name": string(what), "Unit": "Count"}},
			}}},
			EnvironmentDimension: lane.Environment, LaneDimension: lane.String(), string(what): 1,
		})
		if err != nil {
			panic(err) // texts and numbers always encode
		}
		_, _ = log.Write(append(line, '\n')) // there is nowhere else to say it
	}
}
