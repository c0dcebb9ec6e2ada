package iam

// truth is a three-valued answer. The order matters: and is the smaller, or the greater.
type truth uint8

const (
	no truth = iota
	maybe
	yes
)

func isTrue(b bool) truth {
	if b {
		return yes
	}
	return no
}

func (t truth) not() truth { return yes - t }

func all(of ...truth) truth {
	out := yes
	for _, t := range of {
		out = min(out, t)
	}
	return out
}

func some(of ...truth) truth {
	out := no
	for _, t := range of {
		out = max(out, t)
	}
	return out
}

func (t truth) verdict() Verdict { return [...]Verdict{no: Denied, maybe: Unknown, yes: Allowed}[t] }
