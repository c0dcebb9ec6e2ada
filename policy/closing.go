package policy

import (
	"fmt"
)

// Closing says which event closes the items of a tool that returns an open one instead of
// making another: the field of the event's detail that names the datum, the argument that
// does in a call, and the directory that knows whose it is. The zero Closing closes nothing.
type Closing struct {
	Tool      string `json:"tool"`
	Event     string `json:"event"`
	Bus       string `json:"bus"`
	ID        string `json:"id"`
	Argument  string `json:"argument"`
	Directory string `json:"directory"`
}

// LoadClosings reads closings strictly. It fails with [ErrBundle] for unknown keys and for
// one that says too little to form a key.
func LoadClosings(text []byte) ([]Closing, error) {
	var out []Closing
	if err := strictly(text, &out); err != nil {
		return nil, err
	}
	for _, c := range out {
		if c.Tool == "" || c.Event == "" || c.Bus == "" || c.ID == "" || c.Argument == "" || c.Directory == "" {
			return nil, fmt.Errorf("%w: a closing names tool, event, bus, id, argument and directory", ErrBundle)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: there is no closing", ErrBundle)
	}
	return out, nil
}
