package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"remit/attest"
	"remit/attest/attesttest"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const (
	lending  = "acme-prod-lending"
	assets   = "acme-prod-assets"
	code     = "stacks/f.zip"
	template = `{"Resources":{"F":{"Type":"AWS::Lambda::Function","Properties":{"Code":{"S3Bucket":"acme-prod-assets","S3Key":"stacks/f.zip"}}}}}`
	zip      = "the code that was judged"
)

// account is what lies in a bucket of one account: content by bucket and key.
type account map[[2]string]string

var errAbsent = errors.New("nothing lies there")

func (a account) Read(_ context.Context, key string) ([]byte, error) {
	content, there := a[[2]string{assets, key}]
	if !there {
		return nil, errAbsent
	}
	return []byte(content), nil
}

func (a account) Digest(_ context.Context, bucket, key string) (string, error) {
	content, there := a[[2]string{bucket, key}]
	if !there {
		return "", errAbsent
	}
	return attest.Digest([]byte(content)), nil
}

// scene is a hook before an account where everything is as it was attested, and the question
// whether its stack may be deployed.
type scene struct {
	*Hook
	account  account
	signers  map[string]attesttest.Signer
	says     attest.Attestation
	by       []string
	beneath  string // the prefix that the attestation lies below; nothing lays none
	template string
	event    Event
}

func before(t *testing.T) *scene {
	t.Helper()
	signers, keys := attesttest.Everybody(t)
	s := &scene{account: account{{assets, code}: zip}, signers: signers, by: []string{attest.Judge, attest.Gate}, beneath: "stacks/", template: template}
	s.says = attest.Attestation{Platform: "acme", Environment: "prod", Release: "r2", Made: noon.Add(-time.Hour), Expires: noon.Add(time.Hour), Subjects: []attest.Subject{
		attest.Of(attest.Template+lending, digestOf(t, template)), attest.Of(attest.Object+code, attest.Digest([]byte(zip)))}}
	s.Hook = &Hook{Platform: "acme", Environment: "prod", Signers: []string{attest.Judge, attest.Gate}, Apart: []string{"acme-prod-bootstrap-lending"}, Bucket: assets,
		Prefixes: []string{"fence/", "stacks/"}, Keys: keys, Objects: s.account, Now: func() time.Time { return noon },
		Fetch: func(_ context.Context, url string) ([]byte, error) {
			if url != "https://s3......" {
				return nil, errors.New("there is nothing at " + url)
			}
			return json.Marshal(map[string]string{"template": s.template})
		}}
	s.event = asking("create.json")
	return s
}

func digestOf(t *testing.T, template string) string {
	t.Helper()
	digest, err := attest.TemplateDigest([]byte(template))
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

// asking is one of CloudFormation's questions as its user guide prints it.
func asking(name string) Event {
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		panic(err)
	}
	var e Event
	if err := json.Unmarshal(text, &e); err != nil {
		panic(err)
	}
	return e
}

// answer lays down the attestation of the template that was judged and asks.
func (s *scene) answer(t *testing.T) Reply {
	t.Helper()
	if s.beneath != "" {
		s.lay(t, s.beneath, template)
	}
	return s.Answer(t.Context(), s.event)
}

func (s *scene) lay(t *testing.T, prefix, template string) {
	t.Helper()
	s.account[[2]string{assets, attest.Lies(prefix, digestOf(t, template))}] = string(attesttest.Seal(t, s.signers, s.says.Statement(), s.by...))
}

const token = "b04385ce-0000-4000-8000-000000000001"

func let(message string) Reply { return Reply{"SUCCESS", "", "Remit: " + message, token} }

func refused(message string) Reply {
	return Reply{"FAILED", "NonCompliant", "Remit: " + message, token}
}

func TestOnlyWhatWasAttestedForThisEnvironmentIsDeployed(t *testing.T) {
	changed := strings.Replace(template, "Function", "function", 1)
	elsewhere := strings.Replace(template, assets, "evil", 1)
	unjudged := strings.Replace(template, code, "stacks/g.zip", 1)
	hidden := strings.Replace(template, `"acme-prod-assets"`, `{"Ref":"Where"}`, 1)
	for name, c := range map[string]struct {
		given func(*scene)
		want  Reply
	}{
		"as it was attested":                        {func(*scene) {}, let("attested")},
		"an update":                                 {func(s *scene) { s.event = asking("update.json") }, let("attested")},
		"a change set":                              {func(s *scene) { s.event = asking("changeset.json") }, let("attested")},
		"spaced and ordered otherwise":              {func(s *scene) { s.template = strings.ReplaceAll(template, `":`, `" :  `) }, let("attested")},
		"attested below the other prefix":           {func(s *scene) { s.beneath = "fence/" }, let("attested")},
		"before its judge's clock":                  {func(s *scene) { s.says.Made = noon.Add(4 * time.Minute) }, let("attested")},
		"one byte changed":                          {func(s *scene) { s.template = changed }, refused("nothing was attested of this template of acme-prod-lending (" + digestOf(t, changed)[:12] + "); only what passed the pipeline is deployed here")},
		"never attested":                            {func(s *scene) { s.beneath = "" }, refused("nothing was attested of this template of acme-prod-lending (" + digestOf(t, template)[:12] + "); only what passed the pipeline is deployed here")},
		"attested below a prefix of somebody else":  {func(s *scene) { s.beneath = "mine/" }, refused("nothing was attested of this template of acme-prod-lending (" + digestOf(t, template)[:12] + "); only what passed the pipeline is deployed here")},
		"the attestation of another template, here": {func(s *scene) { s.template = changed; s.lay(t, "stacks/", changed) }, refused("the template of acme-prod-lending is not the one that was judged: " + digestOf(t, changed)[:12] + ", where release r2 has " + digestOf(t, template)[:12])},
		"as another stack":                          {func(s *scene) { s.event.StackID = strings.ReplaceAll(s.event.StackID, lending, "acme-prod-platform") }, refused("release r2 has no stack acme-prod-platform")},
		"attested for another environment":          {func(s *scene) { s.says.Environment = "stage" }, refused("the attestation is for stage of acme, and this is prod of acme")},
		"attested for another company":              {func(s *scene) { s.says.Platform = "apex" }, refused("the attestation is for prod of apex, and this is prod of acme")},
		"expired":                                   {func(s *scene) { s.says.Expires = noon }, refused("the attestation expired at 2026-11-24T12:00:00Z; start the pipeline again")},
		"not made yet":                              {func(s *scene) { s.says.Made = noon.Add(time.Hour) }, refused("the attestation is of 2026-11-24T13:00:00Z, which has not come yet")},
		"not let in by the gate":                    {func(s *scene) { s.by = []string{attest.Judge} }, refused("the gate has not signed this")},
		"let in and never judged":                   {func(s *scene) { s.by = []string{attest.Gate} }, refused("the judge has not signed this")},
		"judged by the evaluator":                   {func(s *scene) { s.by = []string{attest.Evaluator, attest.Gate} }, refused("the judge has not signed this")},
		"signed in another's name":                  {func(s *scene) { s.signers[attest.Gate] = s.signers[attest.Judge] }, refused("the signature in the gate's name does not hold: it is not this key's, or of something else")},
		"no envelope": {func(s *scene) {
			s.beneath = ""
			s.account[[2]string{assets, attest.Lies("stacks/", digestOf(t, template))}] = "[]"
		}, refused("this is no DSSE envelope: json: cannot unmarshal array into Go value of type attest.envelope")},
		"code replaced in the bucket":               {func(s *scene) { s.account[[2]string{assets, code}] = "evil" }, refused("acme-prod-lending: stacks/f.zip is not what was judged: " + attest.Digest([]byte("evil"))[:12] + ", where release r2 has " + attest.Digest([]byte(zip))[:12])},
		"code that is gone":                         {func(s *scene) { delete(s.account, [2]string{assets, code}) }, refused("acme-prod-lending: stacks/f.zip cannot be looked at: nothing lies there")},
		"code in another bucket":                    {func(s *scene) { s.judged(t, elsewhere); s.account[[2]string{"evil", code}] = zip }, refused(`acme-prod-lending: stacks/f.zip cannot be looked at: it lies in "evil", which is not this account's asset bucket`)},
		"code in a bucket that nobody knows yet":    {func(s *scene) { s.judged(t, hidden) }, refused(`acme-prod-lending: stacks/f.zip cannot be looked at: it lies in "", which is not this account's asset bucket`)},
		"code that was not attested":                {func(s *scene) { s.judged(t, unjudged); s.account[[2]string{assets, "stacks/g.zip"}] = zip }, refused("acme-prod-lending: its template takes stacks/g.zip, which release r2 does not have")},
		"a deletion":                                {func(s *scene) { s.event = asking("delete.json") }, refused(`a question about a "STACK" at "DELETE_PRE_PROVISION" is not understood`)},
		"an empty template":                         {func(s *scene) { s.template = "" }, refused("there is no template in what CloudFormation sent")},
		"a resource":                                {func(s *scene) { s.event.RequestData.TargetType = "RESOURCE" }, refused(`a question about a "RESOURCE" at "CREATE_PRE_PROVISION" is not understood`)},
		"Cloud Control":                             {func(s *scene) { s.event.RequestData.TargetType = "CLOUD_CONTROL" }, refused(`a question about a "CLOUD_CONTROL" at "CREATE_PRE_PROVISION" is not understood`)},
		"something that is to come":                 {func(s *scene) { s.event.RequestData.TargetType = "" }, refused(`a question about a "" at "CREATE_PRE_PROVISION" is not understood`)},
		"no stack at all":                           {func(s *scene) { s.event.StackID = "" }, refused(`"" is no stack's ARN`)},
		"a stack without its ARN":                   {func(s *scene) { s.event.StackID = lending }, refused(`"acme-prod-lending" is no stack's ARN`)},
		"a payload that cannot be fetched":          {func(s *scene) { s.event.RequestData.Payload = "https://s3/other" }, refused("the template cannot be fetched: there is nothing at https://s3/other")},
		"a payload that is no JSON":                 {func(s *scene) { s.sends("Resources: {}") }, refused("there is no template in what CloudFormation sent")},
		"a payload without a template":              {func(s *scene) { s.sends(`{"previousTemplate":"{}"}`) }, refused("there is no template in what CloudFormation sent")},
		"a payload with a template that is no text": {func(s *scene) { s.sends(`{"template":{"Resources":{}}}`) }, refused("there is no template in what CloudFormation sent")},
		"a template in YAML":                        {func(s *scene) { s.template = "Resources: {}" }, refused("the template is no JSON that everybody reads alike: jsontext: invalid character 'R' at start of value")},
		"a template that names a key twice":         {func(s *scene) { s.template = `{"Resources":{},"Resources":{"F":{}}}` }, refused(`the template is no JSON that everybody reads alike: jsontext: duplicate object member name "Resources"`)},
		"a template that is too large":              {func(s *scene) { s.template = strings.Repeat(" ", attest.MaxTemplate) + template }, refused(fmt.Sprintf("the template has %d bytes, more than CloudFormation takes (1048576)", attest.MaxTemplate+len(template)))},
	} {
		s := before(t)
		c.given(s)
		if got := s.answer(t); got != c.want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, c.want)
		}
	}
}

// judged makes a template one that was judged, whatever it takes code from.
func (s *scene) judged(t *testing.T, text string) {
	s.template, s.says.Subjects[0] = text, attest.Of(attest.Template+lending, digestOf(t, text))
	s.beneath = ""
	s.lay(t, "stacks/", text)
}

func (s *scene) sends(payload string) {
	s.Fetch = func(context.Context, string) ([]byte, error) { return []byte(payload), nil }
}

func TestStacksOfNoEnvironmentHereAndAnAdministratorsAreNoneOfItsBusiness(t *testing.T) {
	for _, stack := range []string{"somebody-elses", "acme-stage-lending", "acme-production-lending", "acme-prod", "CDKToolkit", "acme-prod-bootstrap-lending"} {
		s := before(t)
		s.event.StackID = strings.ReplaceAll(s.event.StackID, lending, stack)
		s.Fetch = func(context.Context, string) ([]byte, error) { panic("it reads templates of others") }
		if got := s.Answer(t.Context(), s.event); got != let("not a stack of prod") {
			t.Errorf("%s: %+v", stack, got)
		}
	}
}

func TestWhereOnlyTheJudgeIsAskedTheGateIsNotMissed(t *testing.T) {
	s := before(t)
	s.Signers, s.by = []string{attest.Judge}, []string{attest.Judge}
	if got := s.answer(t); got != let("attested") {
		t.Errorf("%+v", got)
	}
}

func TestAGoodAttestationCountsBesideABadOne(t *testing.T) {
	s := before(t)
	s.account[[2]string{assets, attest.Lies("fence/", digestOf(t, template))}] = "nonsense"
	if got := s.answer(t); got != let("attested") {
		t.Errorf("whoever may write below one prefix stops what lies below the other: %+v", got)
	}
}

func TestAHookThatIsNotSetUpRefusesEveryStack(t *testing.T) {
	want := refused("the hook is not set up, so nothing is deployed")
	s := before(t)
	for _, stack := range []string{lending, "somebody-elses"} {
		e := s.event
		e.StackID = strings.ReplaceAll(e.StackID, lending, stack)
		if got := (&Hook{}).Answer(t.Context(), e); got != want {
			t.Errorf("the zero hook, of %s: %+v", stack, got)
		}
	}
	of := reflect.TypeFor[Hook]()
	for i := range of.NumField() {
		if of.Field(i).Name == "Apart" {
			continue
		}
		s := before(t)
		reflect.ValueOf(s.Hook).Elem().Field(i).SetZero()
		if got := s.answer(t); got != want {
			t.Errorf("without %s: %+v", of.Field(i).Name, got)
		}
	}
}

func TestAQuestionIsReadInEachOfItsSpellings(t *testing.T) {
	want := asking("create.json")
	for _, text := range []string{
		`{"clientRequestToken":%q,"stackId":%q,"actionInvocationPoint":%q,"requestData":{"targetType":%q,"payload":%q}}`,
		`{"clientRequesttoken":%q,"stackID":%q,"actionInvocationPoint":%q,"requestData":{"targetType":%q,"payload":%q}}`,
	} {
		var got Event
		if err := json.Unmarshal(fmt.Appendf(nil, text, want.ClientRequestToken, want.StackID, want.ActionInvocationPoint, want.RequestData.TargetType, want.RequestData.Payload), &got); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

func TestAReplyHasTheMembersThatCloudFormationExpects(t *testing.T) {
	for want, reply := range map[string]Reply{
		`{"hookStatus":"SUCCESS","message":"Remit: attested","clientRequestToken":"` + token + `"}`:                     let("attested"),
		`{"hookStatus":"FAILED","errorCode":"NonCompliant","message":"Remit: no","clientRequestToken":"` + token + `"}`: refused("no"),
	} {
		if got, err := json.Marshal(reply); err != nil || string(got) != want {
			t.Errorf("%s, %v", got, err)
		}
	}
}

// FuzzNoQuestionLetsAnythingUnattestedOn asks anything at all before an account where nothing was
// attested: only stacks of somebody else go on, and every answer is whole.
func FuzzNoQuestionLetsAnythingUnattestedOn(f *testing.F) {
	for _, name := range []string{"create.json", "update.json", "changeset.json", "delete.json"} {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, []byte(`{"template":`+fmt.Sprintf("%q", template)+`}`))
		f.Add(bytes.ReplaceAll(text, []byte(lending), []byte("acme-prod-bootstrap-lending")), []byte(`{}`))
	}
	_, keys := attesttest.Everybody(f)
	f.Fuzz(func(t *testing.T, text, payload []byte) {
		var e Event
		if json.Unmarshal(text, &e) != nil {
			return
		}
		h := &Hook{Platform: "acme", Environment: "prod", Signers: []string{attest.Judge}, Apart: []string{"acme-prod-bootstrap-lending"}, Bucket: assets, Prefixes: []string{"stacks/"}, Keys: keys,
			Objects: account{}, Fetch: func(context.Context, string) ([]byte, error) { return payload, nil }, Now: func() time.Time { return noon }}
		got := h.Answer(t.Context(), e)
		if got.ClientRequestToken != e.ClientRequestToken || !strings.HasPrefix(got.Message, "Remit: ") {
			t.Errorf("%+v answers %+v", got, e)
		}
		parts := strings.Split(e.StackID, "/")
		apart := len(parts) == 3 && (!strings.HasPrefix(parts[1], "acme-prod-") || slices.Contains(h.Apart, parts[1]))
		if got.HookStatus != "FAILED" && !(apart && got == (Reply{"SUCCESS", "", "Remit: not a stack of prod", e.ClientRequestToken})) {
			t.Errorf("%s goes on: %+v", e.StackID, got)
		}
	})
}
