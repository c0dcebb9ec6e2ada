package gate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"remit/attest"
	"remit/attest/attesttest"
	"remit/lambdas/person"
	"remit/shelf"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const approver = "arn:aws:iam::333333333301:role/remit/acme-pipeline-approver"

// waiting is a pipeline that waits with one run and remembers what it was answered.
type waiting struct {
	sync.Mutex
	run     Run
	answers []string
	fails   error
}

func (w *waiting) Waiting(context.Context, string) (Run, error) { return w.run, w.fails }

func (w *waiting) Answer(_ context.Context, environment string, r Run, open bool, why string) error {
	w.Lock()
	defer w.Unlock()
	verb := "refused"
	if open {
		verb = "open"
	}
	w.answers = append(w.answers, environment+" "+r.Token+" "+verb+": "+why)
	return w.fails
}

// house is a gate, the pipeline before it, and who signs.
type house struct {
	*Gate
	pipeline *waiting
	signers  map[string]attesttest.Signer
	log      *bytes.Buffer
}

// at is a gate where r1 runs and r2 asks to come in, for a change of some class.
func at(t *testing.T, class string, needs ...string) house {
	t.Helper()
	signers, keys := attesttest.Everybody(t)
	h := house{pipeline: &waiting{run: Run{"run-2", "token"}}, signers: signers, log: &bytes.Buffer{}}
	h.Gate = &Gate{Platform: "acme", Shelf: shelf.Shelf{Store: shelf.Dir(t.TempDir())}, Keys: keys, Signer: signers[attest.Gate], Pipeline: h.pipeline, Role: approver,
		Identify: func(r *http.Request) person.Identity { return person.Identity{ARN: r.Header.Get("Verified")} },
		Note:     func(_, why string) { h.log.WriteString(why + "\n") }, Now: func() time.Time { return noon }}
	h.lay(t, "run-1", attest.Attestation{Platform: "acme", Environment: "prod", Release: "r1", Execution: "run-1", Made: noon.Add(-100 * time.Hour), Expires: noon.Add(-time.Hour),
		Rules: attest.Rules{Approvers: map[string][]string{"security": {"ines", "tom"}, "model_risk": {"awa"}}}}, attest.Judge)
	if err := h.Shelf.Run(t.Context(), attest.Run{Environment: "prod", Release: "r1", Execution: "run-1"}); err != nil {
		t.Fatal(err)
	}
	h.lay(t, "run-2", asking(class, needs...), attest.Judge)
	return h
}

func asking(class string, needs ...string) attest.Attestation {
	return attest.Attestation{Platform: "acme", Environment: "prod", Release: "r2", Execution: "run-2", Authors: []string{"tom"}, Made: noon.Add(-time.Hour), Expires: noon.Add(time.Hour),
		Deployed: attest.Run{Environment: "prod", Release: "r1", Execution: "run-1"}, Verdict: attest.Verdict{Class: class, Needs: needs}}
}

func (h house) lay(t *testing.T, run string, a attest.Attestation, by ...string) {
	t.Helper()
	if err := h.Shelf.Attest(t.Context(), "prod", run, attesttest.Seal(t, h.signers, a.Statement(), by...)); err != nil {
		t.Fatal(err)
	}
}

// says sends one question as somebody and answers the status and what is said.
func (h house) says(who, verb string, asked any) (int, string) {
	body, _ := json.Marshal(asked)
	if text, is := asked.(string); is {
		body = []byte(text)
	}
	r := httptest.NewRequest(http.MethodPost, "/"+verb, bytes.NewReader(body))
	r.Header.Set("Verified", "arn:aws:sts::333333333301:assumed-role/acme-pipeline-approver/"+who)
	if strings.HasPrefix(who, "arn:") {
		r.Header.Set("Verified", who)
	}
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func (h house) admitted(t *testing.T) bool {
	t.Helper()
	sealed, err := h.Shelf.Admission(t.Context(), "prod", "run-2")
	if errors.Is(err, shelf.ErrAbsent) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = attest.Attested(t.Context(), sealed, h.Keys, attest.Judge, attest.Gate)
	if err != nil {
		t.Errorf("what lies there lets nothing in: %v", err)
	}
	return err == nil
}

func TestWhatNeedsNobodyIsLetInAndSigned(t *testing.T) {
	h := at(t, attest.Automatic)
	stands, err := h.Waits(t.Context(), "prod", "run-2")
	if err != nil || !stands.Open || !h.admitted(t) {
		t.Errorf("%+v, %v; admitted: %v", stands, err, h.admitted(t))
	}
	if want := []string{"prod token open: automatic"}; !reflect.DeepEqual(h.pipeline.answers, want) {
		t.Errorf("the pipeline was told %q", h.pipeline.answers)
	}
}

func TestANewToolWaitsIsRefusedForItsAuthorAndOpensForWhoIsNamed(t *testing.T) {
	h := at(t, attest.Named, "security")
	if stands, err := h.Waits(t.Context(), "prod", "run-2"); err != nil || stands.Open || stands.Refused != "" || h.admitted(t) {
		t.Fatalf("%+v, %v", stands, err)
	}
	asked := Asked{Environment: "prod", Execution: "run-2", Class: "security"}
	if code, said := h.says("tom", "approve", asked); code != http.StatusConflict || !strings.Contains(said, "tom wrote part of this, and nobody approves what they wrote") {
		t.Errorf("its author: %d %s", code, said)
	}
	if code, said := h.says("awa", "approve", asked); code != http.StatusConflict || !strings.Contains(said, `does not name awa for \"security\"`) {
		t.Errorf("somebody of another class: %d %s", code, said)
	}
	if len(h.pipeline.answers) != 0 || h.admitted(t) {
		t.Fatalf("the pipeline was told %q", h.pipeline.answers)
	}
	if code, said := h.says("ines", "approve", asked); code != http.StatusOK || !strings.Contains(said, `"open":true`) {
		t.Errorf("who is named: %d %s", code, said)
	}
	if want := []string{"prod token open: named approval; ines agreed for security"}; !reflect.DeepEqual(h.pipeline.answers, want) || !h.admitted(t) {
		t.Errorf("the pipeline was told %q", h.pipeline.answers)
	}
}

func TestAnAnswerThatWasLostIsGivenAgainByWhoeverAsksAgain(t *testing.T) {
	h := at(t, attest.Named, "security")
	h.pipeline.fails = errors.New("CodePipeline is away")
	asked := Asked{Environment: "prod", Execution: "run-2", Class: "security"}
	if code, said := h.says("ines", "approve", asked); code != http.StatusServiceUnavailable || strings.Contains(said, "away") || !strings.Contains(h.log.String(), "away") {
		t.Errorf("%d %s", code, said)
	}
	h.pipeline.fails, h.pipeline.answers = nil, nil
	if code, _ := h.says("ines", "approve", asked); code != http.StatusOK || len(h.pipeline.answers) != 1 || !h.admitted(t) {
		t.Errorf("%d, told %q", code, h.pipeline.answers)
	}
}

func TestOfTwoWhoAgreeAtOnceOneIsCountedAndTheGateOpensOnce(t *testing.T) {
	h := at(t, attest.Named, "model_risk", "security")
	h.says("awa", "approve", Asked{Environment: "prod", Execution: "run-2", Class: "model_risk"})
	var wg sync.WaitGroup
	codes := make([]int, 8)
	for i := range codes {
		wg.Go(func() {
			codes[i], _ = h.says("ines", "approve", Asked{Environment: "prod", Execution: "run-2", Class: "security", Why: strings.Repeat("x", i)})
		})
	}
	wg.Wait()
	approvals, err := h.Shelf.Approvals(t.Context(), "prod", "run-2")
	if err != nil || len(approvals) != 2 || !h.admitted(t) {
		t.Errorf("%+v, %v", approvals, err)
	}
	for _, a := range h.pipeline.answers {
		if !strings.HasPrefix(a, "prod token open: ") {
			t.Errorf("the pipeline was told %q", a)
		}
	}
	if len(h.pipeline.answers) == 0 {
		t.Error("the pipeline was told nothing")
	}
}

func TestWhoeverRefusesIsHeardAndNobodyOpensItAfterwards(t *testing.T) {
	h := at(t, attest.Named, "security")
	if code, said := h.says("eve", "reject", Asked{Environment: "prod", Execution: "run-2", Why: "no"}); code != http.StatusConflict || !strings.Contains(said, "does not name eve") {
		t.Errorf("somebody: %d %s", code, said)
	}
	if code, said := h.says("awa", "reject", Asked{Environment: "prod", Execution: "run-2"}); code != http.StatusConflict || !strings.Contains(said, "say why") {
		t.Errorf("without a reason: %d %s", code, said)
	}
	if code, said := h.says("awa", "reject", Asked{Environment: "prod", Execution: "run-2", Why: "not before the audit"}); code != http.StatusOK || !strings.Contains(said, "awa refused it: not before the audit") {
		t.Errorf("%d %s", code, said)
	}
	if code, said := h.says("ines", "approve", Asked{Environment: "prod", Execution: "run-2", Class: "security"}); code != http.StatusConflict || !strings.Contains(said, "awa refused it") {
		t.Errorf("afterwards: %d %s", code, said)
	}
	if want := []string{"prod token refused: awa refused it: not before the audit"}; !reflect.DeepEqual(h.pipeline.answers, want) || h.admitted(t) {
		t.Errorf("the pipeline was told %q", h.pipeline.answers)
	}
}

func TestWhatCannotBeBelievedIsRefusedAndNeverSigned(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*testing.T, *house)
		run   string
		why   string
	}{
		"an attestation that the judge did not sign": {func(t *testing.T, h *house) {
			h.lay(t, "run-3", asking(attest.Automatic), attest.Evaluator)
		}, "run-3", "the judge has not signed this"},
		"of another run": {func(t *testing.T, h *house) { h.lay(t, "run-3", asking(attest.Automatic), attest.Judge) }, "run-3", "the attestation is of run run-2, and this is run run-3"},
		"for another environment": {func(t *testing.T, h *house) {
			a := asking(attest.Automatic)
			a.Environment, a.Execution = "stage", "run-3"
			h.lay(t, "run-3", a, attest.Judge)
		}, "run-3", "the attestation is for stage of acme, and this is prod of acme"},
		"an old run, again": {func(_ *testing.T, h *house) { h.Now = func() time.Time { return noon.Add(48 * time.Hour) } }, "run-2", "expired"},
		"that was judged by what ran": {func(t *testing.T, h *house) {
			_ = h.Shelf.Run(t.Context(), attest.Run{Environment: "prod", Release: "r9", Execution: "run-1"})
		}, "run-2", "it was judged against release r1 of run run-1, and r9 of run run-1 runs in prod now"},
		"that nobody made": {func(*testing.T, *house) {}, "run-7", "nothing lies there"},
	} {
		h := at(t, attest.Automatic)
		h.pipeline.run.Execution = c.run
		c.spoil(t, &h)
		stands, err := h.Waits(t.Context(), "prod", c.run)
		if stands.Open || h.admitted(t) || err == nil && stands.Refused == "" {
			t.Errorf("%s: %+v, %v", name, stands, err)
		}
		if len(h.pipeline.answers) != 1 || !strings.HasPrefix(h.pipeline.answers[0], "prod token refused: ") || !strings.Contains(h.pipeline.answers[0], c.why) {
			t.Errorf("%s: the pipeline was told %q, not %q", name, h.pipeline.answers, c.why)
		}
	}
}

func TestAnotherRunThatWaitsIsNotAnsweredForThisOne(t *testing.T) {
	h := at(t, attest.Automatic)
	h.pipeline.run.Execution = "run-9"
	if _, err := h.Waits(t.Context(), "prod", "run-2"); err != nil || len(h.pipeline.answers) != 0 {
		t.Errorf("%v; told %q", err, h.pipeline.answers)
	}
}

func TestNobodyComesInButApproversUnderTheirOwnName(t *testing.T) {
	h := at(t, attest.Named, "security")
	for _, who := range []string{"arn:aws:sts::333333333301:assumed-role/acme-pipeline-gate/ines", "arn:aws:sts::999999999999:assumed-role/acme-pipeline-approver/ines", "arn:aws:iam::333333333301:role/remit/acme-pipeline-approver", "arn:", ""} {
		if code, said := h.says(who, "approve", Asked{Environment: "prod", Execution: "run-2", Class: "security"}); code != http.StatusForbidden || !strings.Contains(said, "you may not do this here") {
			t.Errorf("%q: %d %s", who, code, said)
		}
	}
	for _, body := range []string{"", "[]", `{"enviroment":"prod"}`, `{} {}`, `{}]`, `{"why":"` + strings.Repeat("x", maxRequest) + `"}`} {
		if code, _ := h.says("ines", "approve", body); code != http.StatusBadRequest {
			t.Errorf("%.40q: %d", body, code)
		}
	}
	for _, part := range []string{"", "../run-1", "x/y"} {
		if code, _ := h.says("ines", "approve", Asked{Environment: "prod", Execution: part, Class: "security"}); code == http.StatusOK {
			t.Errorf("run %q: %d", part, code)
		}
	}
}

func TestTheZeroGateOpensNothing(t *testing.T) {
	if stands, err := (&Gate{}).Waits(t.Context(), "prod", "run-2"); err == nil || stands.Open {
		t.Errorf("%+v, %v", stands, err)
	}
	w := httptest.NewRecorder()
	(&Gate{}).Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/approve", strings.NewReader("{}")))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("it answers %d", w.Code)
	}
}
