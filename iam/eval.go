package iam

// Eval decides one request over the whole world.
func (w World) Eval(r Request) Verdict { return Unknown }

// Eval decides one request by one document alone.
func (d Document) Eval(r Request) Verdict { return Unknown }
