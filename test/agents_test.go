package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// shift is one company's agents at work: the declaration, edited so that the time of day
// does not decide, and what each is asked.
type shift struct {
	Company  string
	Edits    [][2]string // old text, new text
	Withheld []string    // of mock replies; none of it may be seen anywhere
	Work     []work
}

type work struct {
	Tells, Program, Task string
	User                 string
	opening
	Refused int // how many references the answer holds
}

// opening is what an application says to open an execution.
type opening struct {
	Agent   string `json:"agent"`
	Lane    string `json:"lane"`
	Purpose string `json:"purpose"`
}

// execution is what the application hands to the agent.
type execution struct {
	Execution, Gateway, Token, Models string
	Bearer                            string `json:"models_token"`
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// edited copies a company's declaration, changes it, and answers where [serve] finds it.
func edited(t *testing.T, company string, change func(file, text string) string) string {
	t.Helper()
	dir := t.TempDir()
	files, _ := filepath.Glob(filepath.Join("../environments", company, "*.yaml"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(change(name, string(text))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	environments, err := filepath.Abs("../environments")
	if err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(environments, dir)
	if err != nil {
		t.Fatal(err)
	}
	return relative
}

// replaced makes edits that must each find their text, or the declaration has moved on.
func replaced(t *testing.T, edits [][2]string) func(file, text string) string {
	left := slices.Clone(edits)
	t.Cleanup(func() {
		if len(left) > 0 {
			t.Errorf("the declaration no longer holds %q", left)
		}
	})
	return func(_, text string) string {
		left = slices.DeleteFunc(left, func(e [2]string) bool {
			found := strings.Contains(text, e[0])
			text = strings.Replace(text, e[0], e[1], 1)
			return found
		})
		return text
	}
}

// open opens an execution as the application does, with the user's own login.
func (s served) open(t *testing.T, user string, o opening) (execution, int) {
	t.Helper()
	body, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	status, text := post(t, s.Base+"/executions", body, http.Header{"Authorization": {"Bearer " + s.Logins[user]}})
	var opened execution
	if err := json.Unmarshal([]byte(text), &opened); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return opened, status
}

func post(t *testing.T, url string, body []byte, headers http.Header) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = headers.Clone()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// afterwards looks at everything that remit dev has said, once it has ended and its log
// stands still. Call it before serve.
func afterwards(t *testing.T, s *served, look func(log string)) {
	t.Helper()
	t.Cleanup(func() {
		if s.log == nil {
			return // it never started, which was said
		}
		look(s.log.String())
	})
}

var reference = regexp.MustCompile(`\b[A-Z2-7]{16}\b`)

// TestTheAgentsDoTheirWorkAgainstDev runs the agents of the worked companies as processes,
// each with nothing but its gateway and its token. The texts story/agent_*.txt are what
// their users read; -update rewrites them.
func TestTheAgentsDoTheirWorkAgainstDev(t *testing.T) {
	var shifts []shift
	read(t, "story/agents/work.json", &shifts)
	told := map[string]*strings.Builder{} // program → its golden text
	for i, of := range shifts {
		t.Run(fmt.Sprintf("%s/%d", of.Company, i), func(t *testing.T) {
			theyWork(t, of, told)
		})
	}
	for program, text := range told {
		compare(t, "story/agent_"+program+".txt", text.String())
	}
	programs, _ := filepath.Glob("../agents/*.py")
	if len(programs) != len(told)+1 {
		t.Errorf("%d programs were told and agents/ holds %v, one of which is what they share: an agent that no test runs does not work", len(told), programs)
	}
}

func theyWork(t *testing.T, of shift, told map[string]*strings.Builder) {
	secrets := slices.Clone(of.Withheld)
	var references []string
	var s served
	afterwards(t, &s, func(log string) {
		secretFree(t, "the log of remit dev", log, secrets)
		for _, r := range references {
			if !strings.Contains(log, "["+r+"]") {
				t.Errorf("an agent quotes %s to its user, and no operator can look it up", r)
			}
		}
	})
	declaration := ""
	replace := replaced(t, of.Edits)
	s = serve(t, edited(t, of.Company, func(file, text string) string {
		declaration += text
		return replace(file, text)
	}))
	for _, secret := range of.Withheld {
		if !strings.Contains(declaration, secret) {
			t.Errorf("no mock reply holds %q any more, so looking for it shows nothing", secret)
		}
	}
	for _, token := range s.Logins {
		secrets = append(secrets, token)
	}
	for _, w := range of.Work {
		opened, status := s.open(t, w.User, w.opening)
		if status != http.StatusCreated {
			t.Fatalf("%s: no execution was opened, %d", w.Tells, status)
		}
		secrets = append(secrets, opened.Token)
		out, complaint, err := atWork(w.Program, w.Task, opened)
		if err != nil || complaint != "" {
			t.Fatalf("%s: %v\n%s", w.Tells, err, complaint)
		}
		secretFree(t, w.Tells, out, secrets)
		quoted := reference.FindAllString(out, -1)
		if len(quoted) != w.Refused {
			t.Errorf("%s: want %d references that a person can ask about, have %v", w.Tells, w.Refused, quoted)
		}
		references = append(references, quoted...)
		if told[w.Program] == nil {
			told[w.Program] = &strings.Builder{}
		}
		fmt.Fprintf(told[w.Program], "# %s\n%s", w.Tells, reference.ReplaceAllString(out, "(reference)"))
	}
}

// atWork runs one agent with nothing in its environment but what the contract gives it.
func atWork(program, task string, with execution) (out, complaint string, err error) {
	agent := exec.Command("python3", append([]string{"-B", filepath.Join("../agents", program+".py")}, strings.Fields(task)...)...)
	agent.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "REMIT_GATEWAY=" + with.Gateway, "REMIT_TOKEN=" + with.Token}
	var said, complained bytes.Buffer
	agent.Stdout, agent.Stderr = &said, &complained
	err = agent.Run()
	return said.String(), complained.String(), err
}

func secretFree(t *testing.T, where, text string, secrets []string) {
	t.Helper()
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("%s: %q got out:\n%s", where, secret, text)
		}
	}
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s: users would read something else:\n%s", file, firstDifference(string(want), got))
	}
}

// TestAnAgentTriesAgainOnlyWhenNothingRan puts the agents before a gateway that fails in
// every way the contract knows, and counts the messages.
func TestAnAgentTriesAgainOnlyWhenNothingRan(t *testing.T) {
	var shifts []shift
	read(t, "story/agents/work.json", &shifts)
	w := shifts[0].Work[0]
	const token = "header.payload.signature"
	for name, c := range map[string]struct {
		status int
		answer string
		asked  int    // times
		says   string // to the person
	}{
		"temporarily unavailable": {200, `{"jsonrpc":"2.0","id":1,"error":{"code":-32010,"message":"x","data":{"reference":"ABCDEFGHIJKLMNOP"}}}`, 4, "not available now, reference ABCDEFGHIJKLMNOP"},
		"refused":                 {200, `{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"x","data":{"reference":"ABCDEFGHIJKLMNOP"}}}`, 1, "refused, reference ABCDEFGHIJKLMNOP"},
		"failed":                  {200, `{"jsonrpc":"2.0","id":1,"error":{"code":-32011,"message":"x","data":{"reference":"ABCDEFGHIJKLMNOP"}}}`, 1, "may or may not"},
		"an unknown code":         {200, `{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"the tool's own words","data":7}}`, 1, "failed"},
		"the token is not taken":  {401, `{"error":"` + token + `"}`, 1, "HTTP 401"},
		"another address":         {307, "", 1, "HTTP 307"},
		"no JSON":                 {200, "<html>", 1, "not JSON"},
		"an event stream":         {200, "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32001}}\n\n", 1, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			asked, elsewhere := 0, 0
			other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { mu.Lock(); elsewhere++; mu.Unlock() }))
			defer other.Close()
			web := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
				mu.Lock()
				asked++
				mu.Unlock()
				kind := "application/json"
				if strings.HasPrefix(c.answer, "event:") {
					kind = "text/event-stream"
				}
				rw.Header().Set("Content-Type", kind)
				rw.Header().Set("Location", other.URL)
				rw.WriteHeader(c.status)
				_, _ = io.WriteString(rw, c.answer)
			}))
			defer web.Close()
			out, complaint, err := atWork(w.Program, w.Task, execution{Gateway: web.URL, Token: token})
			if err == nil || out != "" || !strings.Contains(complaint, c.says) {
				t.Errorf("an agent that cannot begin must say why and fail: %v %q %q", err, out, complaint)
			}
			secretFree(t, "the agent", complaint, []string{token, "own words", "Traceback"})
			mu.Lock()
			defer mu.Unlock()
			if asked != c.asked || elsewhere != 0 {
				t.Errorf("it asked %d times, want %d, and followed %d times to where its token does not belong", asked, c.asked, elsewhere)
			}
		})
	}
}
