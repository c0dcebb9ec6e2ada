package policy

import (
	"fmt"
	"math"
	"math/bits"

	"remit/terms"
)

// Models is what a lane's broker decides by: the models that the lane may use and what their
// tokens cost. The zero Models allows none.
type Models struct {
	Format int              `json:"format"`
	Lane   terms.Lane       `json:"lane"`
	Prices map[string]Price `json:"prices"` // by model id; a model without a price is not allowed
}

// Price is what a million tokens of a model cost.
type Price struct {
	Input      terms.MicroUSD `json:"input"`
	Output     terms.MicroUSD `json:"output"`
	CacheRead  terms.MicroUSD `json:"cache_read"`
	CacheWrite terms.MicroUSD `json:"cache_write"`
}

// Usage is the tokens of one call of a model, by what they cost.
type Usage struct{ Input, Output, CacheRead, CacheWrite int64 }

// Tokens is all of them together.
func (u Usage) Tokens() int64 { return u.Input + u.Output + u.CacheRead + u.CacheWrite }

// Cost is what a call costs, rounded up.
func (p Price) Cost(u Usage) int64 {
	sum := uint128{}
	for _, part := range [][2]int64{{u.Input, int64(p.Input)}, {u.Output, int64(p.Output)}, {u.CacheRead, int64(p.CacheRead)}, {u.CacheWrite, int64(p.CacheWrite)}} {
		sum = sum.plus(part[0], part[1])
	}
	return sum.perMillion()
}

// Worst is the most that a call can cost whose input and output are bounded: every input token
// at the dearest price that one can have.
func (p Price) Worst(input, output int64) int64 {
	dearest := max(p.Input, p.CacheRead, p.CacheWrite)
	return Price{Input: dearest, Output: p.Output}.Cost(Usage{Input: input, Output: output})
}

// uint128 holds tokens times prices, which may be over 64 bits for figures that nobody meant.
type uint128 struct{ high, low uint64 }

func (n uint128) plus(tokens, price int64) uint128 {
	high, low := bits.Mul64(uint64(max(0, tokens)), uint64(max(0, price)))
	low, carry := bits.Add64(n.low, low, 0)
	high, _ = bits.Add64(n.high, high, carry)
	return uint128{high, low}
}

// perMillion is a millionth, rounded up, and at most the largest amount.
func (n uint128) perMillion() int64 {
	low, carry := bits.Add64(n.low, 999_999, 0)
	high := n.high + carry
	if high >= 1_000_000 {
		return math.MaxInt64
	}
	quotient, _ := bits.Div64(high, low, 1_000_000)
	return int64(min(quotient, math.MaxInt64))
}

// LoadModels reads what a broker decides by, strictly. It fails with [ErrBundle] for unknown
// keys, another format, and a price that is below zero.
func LoadModels(text []byte) (Models, error) {
	var m Models
	if err := strictly(text, &m); err != nil {
		return Models{}, err
	}
	if m.Format != Format {
		return Models{}, fmt.Errorf("%w: format %d, and this build reads %d", ErrBundle, m.Format, Format)
	}
	if err := m.check(); err != nil {
		return Models{}, err
	}
	return m, nil
}

func (m Models) check() error {
	if m.Lane.IsZero() || len(m.Prices) == 0 {
		return fmt.Errorf("%w: it names no lane or no model", ErrBundle)
	}
	for id, p := range m.Prices {
		if id == "" || min(p.Input, p.Output, p.CacheRead, p.CacheWrite) < 0 {
			return fmt.Errorf("%w: a price of model %q is below zero", ErrBundle, id)
		}
	}
	return nil
}
