package policy

import (
	"errors"
	"strings"
	"testing"
)

const meter = `{"format":1,"group":"/g","day":"UTC","lanes":[{"role":"arn:aws:iam::1:role/remit/w","models":{"format":1,"lane":{"platform":"p","environment":"e","agent":"a","lane":"stable"},"prices":{"m.n-1":{"input":"1.00 USD","output":"4.00 USD","cache_read":"0.10 USD","cache_write":"3.00 USD"},"m.o-1":{"input":"2.00 USD","output":"3.00 USD","cache_read":"0.20 USD","cache_write":"2.00 USD"}}},"overshoot":{"tokens":10}}]}`

func TestAMeterReadsWhatItDecidesByStrictly(t *testing.T) {
	m, err := LoadMeter([]byte(meter))
	if err != nil || m.Group != "/g" || len(m.Lanes) != 1 || m.Lanes[0].Overshoot[Tokens] != 10 {
		t.Fatalf("%+v, %v", m, err)
	}
	lane := meter[strings.Index(meter, `{"role"`) : len(meter)-2]
	for name, change := range map[string][2]string{
		"another format": {`{"format":1,"group"`, `{"format":2,"group"`}, "no group": {`"/g"`, `""`}, "no day": {`"UTC"`, `""`}, "the machine's day": {`"UTC"`, `"Local"`}, "no zone": {`"UTC"`, `"Mars/Olympus"`},
		"no lane": {lane, ``}, "a lane twice": {lane, lane + "," + lane}, "no role": {`arn:aws:iam::1:role/remit/w`, ``}, "a user": {`role/remit/w`, `user/w`}, "a session": {`arn:aws:iam`, `arn:aws:sts`},
		"no model": {`"prices":{`, `"prices":{},"ignored":{`}, "a price below zero": {`"4.00 USD"`, `"-4.00 USD"`}, "an unknown key": {`"group"`, `"groups"`}, "more behind": {`}]}`, `}]} x`},
	} {
		text := strings.Replace(meter, change[0], change[1], 1)
		if text == meter {
			t.Fatalf("%s changes nothing", name)
		}
		if m, err := LoadMeter([]byte(text)); !errors.Is(err, ErrBundle) || len(m.Lanes) != 0 {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

func TestASessionIsOfOneRoleInOneAccountAndPartition(t *testing.T) {
	l := Metered{Role: "arn:aws:iam::111111111111:role/remit/writer-execution"}
	for session, want := range map[string]bool{
		"arn:aws:sts::111111111111:assumed-role/writer-execution/s":       true,
		"arn:aws:sts::111111111111:assumed-role/writer-execution/a:b":     false, // no session is called so
		"arn:aws:sts::222222222222:assumed-role/writer-execution/s":       false,
		"arn:aws-cn:sts::111111111111:assumed-role/writer-execution/s":    false,
		"arn:aws:sts::111111111111:assumed-role/writer-execution2/s":      false,
		"arn:aws:sts::111111111111:assumed-role/remit/writer-execution/s": false,
		"arn:aws:sts::111111111111:assumed-role/writer-execution":         false,
		"arn:aws:sts::111111111111:federated-user/writer-execution/s":     false,
		"arn:aws:iam::111111111111:assumed-role/writer-execution/s":       false,
		"aws:aws:sts::111111111111:assumed-role/writer-execution/s":       false,
		"arn:aws:iam::111111111111:role/remit/writer-execution":           false,
		"": false,
	} {
		if got := l.Is(session); got != want {
			t.Errorf("%q is the lane's: %v", session, got)
		}
	}
	if (Metered{}).Is("arn:aws:sts::111111111111:assumed-role//s") {
		t.Error("a lane without a role has sessions")
	}
}

func TestAModelIsPricedByWhateverNameItIsInvokedUnder(t *testing.T) {
	m, err := LoadMeter([]byte(meter))
	if err != nil {
		t.Fatal(err)
	}
	models := m.Lanes[0].Models
	first, second, dearest := models.Prices["m.n-1"], models.Prices["m.o-1"], Price{Input: 2_000_000, Output: 4_000_000, CacheRead: 200_000, CacheWrite: 3_000_000}
	for name, want := range map[string]Price{
		"m.n-1": first, "us.m.o-1": second, "arn:aws:bedrock:us-east-1::foundation-model/m.n-1": first, "arn:aws:bedrock:us-east-1:111111111111:inference-profile/us.m.o-1": second,
		"m.x-1": dearest, "us.m.x-1": dearest, "": dearest, "arn:aws:bedrock:us-east-1:111111111111:application-inference-profile/abc": dearest, "x.us.m.n-1": dearest,
	} {
		got, declared := models.PriceOf(name)
		if got != want || declared == (want == dearest) {
			t.Errorf("%q costs %+v (declared: %v), want %+v", name, got, declared, want)
		}
	}
}
