package policy

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"remit/terms"
)

func TestAPriceIsPerMillionTokensAndRoundsUp(t *testing.T) {
	p := Price{Input: 3_000_000, Output: 15_000_000, CacheRead: 300_000, CacheWrite: 3_750_000}
	for _, c := range []struct {
		usage Usage
		want  int64
	}{
		{Usage{}, 0},
		{Usage{Input: 1}, 3},
		{Usage{CacheRead: 1}, 1}, // 0.3
		{Usage{Input: 1_000_000, Output: 1_000_000}, 18_000_000},
		{Usage{Input: 10, Output: 10, CacheRead: 10, CacheWrite: 10}, 221}, // 30 + 150 + 3 + 37.5
		{Usage{Input: math.MaxInt64, Output: math.MaxInt64}, math.MaxInt64},
	} {
		if got := p.Cost(c.usage); got != c.want {
			t.Errorf("%+v costs %d, want %d", c.usage, got, c.want)
		}
	}
}

// The law that a hard limit rests on: what is reserved covers whatever can be settled.
func TestNothingCostsMoreThanItsWorst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		price := rapid.Custom(func(t *rapid.T) terms.MicroUSD {
			return terms.MicroUSD(rapid.Int64Range(0, math.MaxInt64).Draw(t, "price"))
		})
		p := Price{price.Draw(t, "in"), price.Draw(t, "out"), price.Draw(t, "read"), price.Draw(t, "write")}
		input, output := rapid.Int64Range(0, 1<<40).Draw(t, "input"), rapid.Int64Range(0, 1<<40).Draw(t, "output")
		read := rapid.Int64Range(0, input).Draw(t, "cached")
		write := rapid.Int64Range(0, input-read).Draw(t, "written")
		u := Usage{Input: input - read - write, Output: rapid.Int64Range(0, output).Draw(t, "answered"), CacheRead: read, CacheWrite: write}
		if cost, worst := p.Cost(u), p.Worst(input, output); cost > worst {
			t.Errorf("%+v at %+v costs %d, and %d were reserved", u, p, cost, worst)
		}
		exact := new(big.Int)
		for _, part := range [][2]int64{{u.Input, int64(p.Input)}, {u.Output, int64(p.Output)}, {u.CacheRead, int64(p.CacheRead)}, {u.CacheWrite, int64(p.CacheWrite)}} {
			exact.Add(exact, new(big.Int).Mul(big.NewInt(part[0]), big.NewInt(part[1])))
		}
		exact.Add(exact, big.NewInt(999_999)).Div(exact, big.NewInt(1_000_000))
		if want := exact; want.IsInt64() && p.Cost(u) != want.Int64() || !want.IsInt64() && p.Cost(u) != math.MaxInt64 {
			t.Errorf("%+v at %+v costs %d, want %s", u, p, p.Cost(u), want)
		}
	})
}

func TestTokensOfEveryKindCount(t *testing.T) {
	if got := (Usage{Input: 1, Output: 10, CacheRead: 100, CacheWrite: 1000}).Tokens(); got != 1111 {
		t.Errorf("%d tokens, want 1111", got)
	}
}

// The first sum whose millionth no amount holds: to divide it would panic.
func TestASumThatNoAmountHoldsIsTheLargestAmount(t *testing.T) {
	if got := (uint128{high: 1_000_000}).perMillion(); got != math.MaxInt64 {
		t.Errorf("%d, want the largest amount", got)
	}
}

// Rounding up may carry into the high half: a millionth of one under 2⁶⁵ is 36,893,488,147,420.
func TestRoundingUpCarries(t *testing.T) {
	if got := (uint128{high: 1, low: math.MaxUint64}).perMillion(); got != 36_893_488_147_420 {
		t.Errorf("%d, want 36893488147420", got)
	}
}

func TestAModelMayBeFree(t *testing.T) {
	free := `{"format":1,"lane":{"platform":"p","environment":"e","agent":"a","lane":"stable"},"prices":{"m":{"input":"0.00 USD","output":"0.00 USD","cache_read":"0.00 USD","cache_write":"0.00 USD"}}}`
	if m, err := LoadModels([]byte(free)); err != nil || m.Prices["m"] != (Price{}) {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestABrokerReadsItsModelsStrictly(t *testing.T) {
	good := `{"format":1,"lane":{"platform":"p","environment":"e","agent":"a","lane":"stable"},"prices":{"m":{"input":"3.00 USD","output":"15.00 USD","cache_read":"0.30 USD","cache_write":"3.75 USD"}}}`
	if m, err := LoadModels([]byte(good)); err != nil || m.Prices["m"].Output != 15_000_000 {
		t.Errorf("%+v, %v", m, err)
	}
	for name, text := range map[string]string{
		"another format": `{"format":2,"lane":{"platform":"p","environment":"e","agent":"a","lane":"stable"},"prices":{"m":{"input":"3.00 USD","output":"15.00 USD","cache_read":"0.30 USD","cache_write":"3.75 USD"}}}`,
		"no lane":        `{"format":1,"prices":{"m":{"input":"3.00 USD","output":"15.00 USD","cache_read":"0.30 USD","cache_write":"3.75 USD"}}}`,
		"no model":       `{"format":1,"lane":{"platform":"p","environment":"e","agent":"a","lane":"stable"},"prices":{}}`,
		"below zero":     `{"format":1,"lane":{"platform":"p","environment":"e","agent":"a","lane":"stable"},"prices":{"m":{"input":"-3.00 USD","output":"15.00 USD","cache_read":"0.30 USD","cache_write":"3.75 USD"}}}`,
		"no name":        `{"format":1,"lane":{"platform":"p","environment":"e","agent":"a","lane":"stable"},"prices":{"":{"input":"3.00 USD","output":"15.00 USD","cache_read":"0.30 USD","cache_write":"3.75 USD"}}}`,
		"unknown key":    `{"format":1,"modells":{}}`,
	} {
		if m, err := LoadModels([]byte(text)); !errors.Is(err, ErrBundle) || len(m.Prices) != 0 {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}
