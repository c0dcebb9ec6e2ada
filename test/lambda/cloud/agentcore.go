package cloud

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Invocation is what an agent gets.
type Invocation struct {
	Runtime, Endpoint, Session string
	Token, Bearer              string // from the two headers that a lane's runtime lets through
	Payload                    []byte
}

// Those headers.
const (
	delegation = "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Delegation"
	models     = "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Models"
)

// Agent is what runs in every runtime. It writes the answer, piece by piece.
func (c *Cloud) Agent(run func(http.ResponseWriter, Invocation)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.agent = run
}

// Stopped are the sessions that were ended.
func (c *Cloud) Stopped() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.stopped)
}

// agentCore serves InvokeAgentRuntime and StopRuntimeSession (Bedrock AgentCore data plane
// API): the runtime's ARN is one segment of the path.
func (c *Cloud) agentCore(w http.ResponseWriter, r *http.Request) {
	segments := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	if len(segments) != 4 || segments[1] != "runtimes" || r.Method != http.MethodPost {
		fail(w, http.StatusNotFound, "UnknownOperationException", r.URL.EscapedPath())
		return
	}
	arn, err := url.PathUnescape(segments[2])
	if err != nil {
		fail(w, http.StatusBadRequest, "ValidationException", err.Error())
		return
	}
	i := Invocation{Runtime: arn, Endpoint: r.URL.Query().Get("qualifier"), Session: r.Header.Get("X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"), Token: r.Header.Get(delegation), Bearer: r.Header.Get(models)}
	switch segments[3] {
	case "invocations":
		c.note(r, "bedrock-agentcore:InvokeAgentRuntime", arn, nil)
		c.note(r, "bedrock-agentcore:InvokeAgentRuntime", arn+"/runtime-endpoint/"+i.Endpoint, nil)
		c.invoke(w, r, i)
	case "stopruntimesession":
		c.note(r, "bedrock-agentcore:StopRuntimeSession", arn, nil)
		c.stop(w, i)
	default:
		fail(w, http.StatusNotFound, "UnknownOperationException", segments[3])
	}
}

// shortest is the least length of a session's id (InvokeAgentRuntime API).
const shortest = 33

func (c *Cloud) invoke(w http.ResponseWriter, r *http.Request, i Invocation) {
	payload, err := io.ReadAll(r.Body)
	if err != nil || len(i.Session) < shortest {
		fail(w, http.StatusBadRequest, "ValidationException", "a session id has 33 characters")
		return
	}
	i.Payload = payload
	c.mu.Lock()
	run := c.agent
	c.mu.Unlock()
	if run == nil {
		fail(w, http.StatusNotFound, "ResourceNotFoundException", "no agent runs here")
		return
	}
	w.Header().Set("X-Amzn-Bedrock-AgentCore-Runtime-Session-Id", i.Session)
	run(w, i)
}

func (c *Cloud) stop(w http.ResponseWriter, i Invocation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.Contains(c.stopped, i.Session) {
		fail(w, http.StatusNotFound, "ResourceNotFoundException", "the session has ended")
		return
	}
	c.stopped = append(c.stopped, i.Session)
	reply(w, http.StatusOK, map[string]string{"runtimeSessionId": i.Session})
}
