package attest

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Evaluation is what a release showed in the environment it is to come from: scores in percent,
// on a data set whose profile is told beside the profile of the data it stands for.
type Evaluation struct {
	Release     string             `json:"release"`
	Environment string             `json:"environment"` // where it ran
	At          time.Time          `json:"at"`
	Data        DataSet            `json:"data"`
	Scores      map[string]float64 `json:"scores"`              // metric: 0 to 100
	Reference   *DataSet           `json:"reference,omitempty"` // the real data, by its profile
}

// DataSet is data by its name, when its profile was taken, and the profile.
type DataSet struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at,omitzero"`
	Profile Profile   `json:"profile,omitempty"`
}

// Profile is how often each value, or range of values, of each feature occurs: feature: value:
// share of 1. It holds no record.
type Profile map[string]map[string]float64

// The measures of drift.
const (
	PSI            = "psi"             // population stability index: the sum of (p-q)·ln(p/q); 10 % and 25 % are the customary bounds (Siddiqi, Credit Risk Scorecards, 2006)
	TotalVariation = "total_variation" // half the sum of |p-q|: the largest difference in how likely anything is
)

// Shown is what an evaluation showed of drift: by which feature most, and how much in percent.
type Shown struct {
	Feature  string
	Drift    float64
	Warnings []string
}

// Judge says why an evaluation is not good enough for a release, or what it warns of. An
// evaluation of another release, from another environment, from the future, too old, without a
// score that is asked for or below one, or with more drift than is bearable is refused.
func (b Bar) Judge(e Evaluation, release, environment string, now time.Time) (Shown, error) {
	if e.Release != release {
		return Shown{}, fmt.Errorf("the evaluation is of release %s, and this is %s", short(e.Release), short(release))
	}
	if e.Environment != environment {
		return Shown{}, fmt.Errorf("the evaluation was made in %q; it has to be made in %s", e.Environment, environment)
	}
	if err := b.recent(e, now); err != nil {
		return Shown{}, err
	}
	if err := b.reached(e.Scores); err != nil {
		return Shown{}, err
	}
	if b.Drift == nil {
		return Shown{}, nil
	}
	return b.Drift.judge(e)
}

func (b Bar) recent(e Evaluation, now time.Time) error {
	age := now.Sub(e.At)
	switch {
	case age < -clocksApart:
		return fmt.Errorf("the evaluation is of %s, which has not come yet", e.At.UTC().Format(time.RFC3339))
	case b.MaxAge > 0 && age > b.MaxAge.Duration():
		return fmt.Errorf("the evaluation is of %s, older than the %s that are allowed: evaluate again", e.At.UTC().Format(time.RFC3339), b.MaxAge)
	}
	return nil
}

// reached names every score that is missing, low or no percentage.
func (b Bar) reached(scores map[string]float64) error {
	var why []string
	for _, metric := range slices.Sorted(maps.Keys(b.Scores)) {
		got, there := scores[metric]
		switch least := b.Scores[metric]; {
		case !there:
			why = append(why, fmt.Sprintf("%s was not measured, and has to reach %s", metric, least))
		case !(got >= 0 && got <= 100):
			why = append(why, fmt.Sprintf("%s is %v, which is no percentage", metric, got))
		case got < float64(least):
			why = append(why, fmt.Sprintf("%s is %s, below %s", metric, percent(got), least))
		}
	}
	if why == nil {
		return nil
	}
	return fmt.Errorf("the evaluation is not good enough: %s", strings.Join(why, "; "))
}

func (d Drift) judge(e Evaluation) (Shown, error) {
	if e.Reference == nil {
		return Shown{}, fmt.Errorf("the evaluation tells no profile of the real data, so nobody knows how far %s is from it", e.Data.ID)
	}
	shown, err := Distance(d.Measure, e.Data.Profile, e.Reference.Profile)
	if err != nil {
		return Shown{}, err
	}
	says := fmt.Sprintf("%s has drifted %s from %s by %s (%s)", e.Data.ID, percent(shown.Drift), e.Reference.ID, shown.Feature, d.Measure)
	switch {
	case shown.Drift > float64(d.Block):
		return shown, fmt.Errorf("%s, more than the %s that are bearable: evaluate on data like today's", says, d.Block)
	case shown.Drift > float64(d.Warn):
		shown.Warnings = append(shown.Warnings, says)
	}
	return shown, nil
}

// Distance is how far two profiles are apart, in percent, by their worst feature. Profiles that
// do not tell of the same features, or whose shares do not sum to 1, have no distance.
func Distance(measure string, p, q Profile) (Shown, error) {
	of, known := map[string]func(p, q map[string]float64) float64{PSI: psi, TotalVariation: totalVariation}[measure]
	if !known {
		return Shown{}, fmt.Errorf("there is no measure of drift %q", measure)
	}
	if len(p) == 0 || !slices.Equal(slices.Sorted(maps.Keys(p)), slices.Sorted(maps.Keys(q))) {
		return Shown{}, fmt.Errorf("the two profiles tell of different features (%s; %s), so nobody knows how far they are apart", features(p), features(q))
	}
	worst := Shown{Drift: -1}
	for _, feature := range slices.Sorted(maps.Keys(p)) {
		for _, shares := range []map[string]float64{p[feature], q[feature]} {
			if !whole(shares) {
				return Shown{}, fmt.Errorf("the shares of %s are no shares of 1", feature)
			}
		}
		if d := 100 * of(p[feature], q[feature]); d > worst.Drift {
			worst = Shown{Feature: feature, Drift: d}
		}
	}
	return worst, nil
}

func features(p Profile) string {
	if len(p) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(p)), ", ")
}

// whole reports whether shares are none below 0 and sum to 1, to a thousandth.
func whole(shares map[string]float64) bool {
	sum := 0.0
	for _, share := range shares {
		if !(share >= 0) {
			return false
		}
		sum += share
	}
	return math.Abs(sum-1) <= 0.001
}

// never is the share that stands for none at all in a logarithm.
const never = 0.0001

func psi(p, q map[string]float64) float64 {
	sum := 0.0
	for value := range both(p, q) {
		a, b := max(p[value], never), max(q[value], never)
		sum += (a - b) * math.Log(a/b)
	}
	return sum
}

func totalVariation(p, q map[string]float64) float64 {
	sum := 0.0
	for value := range both(p, q) {
		sum += math.Abs(p[value] - q[value])
	}
	return sum / 2
}

// both is the values of either, in order, so that sums are the same each time.
func both(p, q map[string]float64) func(func(string) bool) {
	values := append(slices.Collect(maps.Keys(p)), slices.Collect(maps.Keys(q))...)
	slices.Sort(values)
	return slices.Values(slices.Compact(values))
}

// Regressed names each score that is lower than it was, of those that both have.
func (e Evaluation) Regressed(before Evaluation) []Finding {
	var out []Finding
	for _, metric := range slices.Sorted(maps.Keys(before.Scores)) {
		was := before.Scores[metric]
		if is, there := e.Scores[metric]; !there || is < was {
			f := Finding{Path: "evaluation." + metric, Class: Review, Row: "evaluation", Reason: "the evaluation shows less than that of what runs", Was: percent(was)}
			if there {
				f.Is = percent(is)
			}
			out = append(out, f)
		}
	}
	return out
}

func percent(p float64) string { return fmt.Sprintf("%.4g%%", p) }

// short is a digest as people compare it.
func short(digest string) string { return digest[:min(12, len(digest))] }
