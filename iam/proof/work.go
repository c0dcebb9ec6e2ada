package proof

// work is the budget of one search, in steps.
type work struct{ left int }

func (w *work) spend(steps int) { w.left -= steps }

func (w *work) spent() bool { return w.left <= 0 }
