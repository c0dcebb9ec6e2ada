// Package browser drives a headless Chromium that is on this machine, over the pipe of its
// DevTools protocol. It knows pages and what assistive technology sees of them, and nothing
// of ours. Start with [Open].
package browser

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"remit/test/absent"
)

// Page is one page of a browser of its own. It may be used by one goroutine.
type Page struct {
	t       testing.TB
	out     io.Writer
	in      *bufio.Reader
	session string
	last    int
}

// patience bounds what a page may take to come to what is waited for.
const patience = 30 * time.Second

// Open starts a browser that ends with the test. Without one on this machine the test says
// so, and fails where nothing may be left out.
func Open(t testing.TB) *Page {
	t.Helper()
	chromium, err := find()
	if err != nil {
		absent.Skip(t, "no browser looked at the page", err)
	}
	p, err := start(t, chromium)
	if err != nil {
		t.Fatal(err)
	}
	var target struct{ TargetID string }
	p.ask("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	p.ask("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	p.session = attached.SessionID
	return p
}

func find() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("neither chromium nor google-chrome is installed")
}

// start runs a browser that reads commands from its third file and answers on its fourth.
func start(t testing.TB, chromium string) (*Page, error) {
	theirIn, ourOut, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	ourIn, theirOut, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	profile, err := os.MkdirTemp("", "remit-browser-")
	if err != nil {
		return nil, err
	}
	command := exec.Command(chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
		"--disable-extensions", "--user-data-dir="+profile, "--remote-debugging-pipe", "about:blank")
	command.ExtraFiles = []*os.File{theirIn, theirOut}
	if err := command.Start(); err != nil {
		return nil, err
	}
	_, _ = theirIn.Close(), theirOut.Close() // the browser has its own
	p := &Page{t: t, out: ourOut, in: bufio.NewReader(ourIn)}
	t.Cleanup(func() {
		p.session = ""
		_ = p.try("Browser.close", nil, nil) // one that is gone already has ended
		_, _, _ = command.Wait(), ourOut.Close(), ourIn.Close()
		_ = os.RemoveAll(profile) // what a browser's last child still writes stays
	})
	return p, nil
}

// ask sends one command and reads its answer; what happens besides is not looked at.
func (p *Page) ask(method string, params map[string]any, into any) {
	p.t.Helper()
	if err := p.try(method, params, into); err != nil {
		p.t.Fatal(err)
	}
}

func (p *Page) try(method string, params map[string]any, into any) error {
	p.last++
	command := map[string]any{"id": p.last, "method": method, "params": params}
	if p.session != "" {
		command["sessionId"] = p.session
	}
	text, err := json.Marshal(command)
	if err != nil {
		return err
	}
	if _, err := p.out.Write(append(text, 0)); err != nil {
		return err
	}
	for {
		text, err := p.in.ReadBytes(0)
		if err != nil {
			return fmt.Errorf("the browser is gone: %w", err)
		}
		var answer struct {
			ID     int
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		switch err := json.Unmarshal(text[:len(text)-1], &answer); {
		case err != nil:
			return err
		case answer.ID != p.last:
			continue
		case answer.Error != nil:
			return fmt.Errorf("%s: %s", method, answer.Error.Message)
		case into == nil:
			return nil
		}
		return json.Unmarshal(answer.Result, into)
	}
}

// Go opens an address.
func (p *Page) Go(url string) {
	p.t.Helper()
	p.ask("Page.navigate", map[string]any{"url": url}, nil)
}

// Eval evaluates a script in the page, awaits it, and answers its value as JSON has it.
func (p *Page) Eval(script string) any {
	p.t.Helper()
	value, err := p.eval(script)
	if err != nil {
		p.t.Fatalf("%s: %v", script, err)
	}
	return value
}

func (p *Page) eval(script string) (any, error) {
	var out struct {
		Result           struct{ Value any }
		ExceptionDetails *struct{ Exception struct{ Description string } }
	}
	err := p.try("Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true, "userGesture": true}, &out)
	if err == nil && out.ExceptionDetails != nil {
		err = errors.New(out.ExceptionDetails.Exception.Description)
	}
	return out.Result.Value, err
}

// Until waits for a script to be true. A page that is just being left has no answer.
func (p *Page) Until(script string) {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if value, err := p.eval("new Promise(done => setTimeout(() => done(Boolean(" + script + ")), 20))"); err == nil && value == true {
			return
		}
	}
	text, _ := p.eval("document.body.innerText")
	p.t.Fatalf("it never came to %s; the page says\n%v", script, text)
}

// node is one of the accessibility tree (DevTools protocol, Accessibility.AXNode).
type node struct {
	NodeID, ParentID string
	ChildIDs         []string
	Ignored          bool
	Role, Name       struct{ Value any }
}

// Hears is the page as assistive technology reads it: one line for each thing with a role,
// and its name, in order.
func (p *Page) Hears() string {
	p.t.Helper()
	var tree struct{ Nodes []node }
	p.ask("Accessibility.getFullAXTree", nil, &tree)
	all := map[string]node{}
	for _, n := range tree.Nodes {
		all[n.NodeID] = n
	}
	var out strings.Builder
	for _, n := range tree.Nodes {
		if n.ParentID == "" {
			read(&out, all, n)
		}
	}
	return out.String()
}

// unquoted is a text on one line, its own quotes as they are.
func unquoted(text string) string { return strings.ReplaceAll(text, "\n", "⏎") }

func read(out *strings.Builder, all map[string]node, n node) {
	role, _ := n.Role.Value.(string)
	if name, _ := n.Name.Value.(string); !n.Ignored && !slices.Contains([]string{"InlineTextBox", "none", "generic"}, role) {
		fmt.Fprintln(out, strings.TrimSpace(role+" "+unquoted(name)))
	}
	for _, child := range n.ChildIDs {
		read(out, all, all[child])
	}
}
