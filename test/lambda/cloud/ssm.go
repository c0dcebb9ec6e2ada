package cloud

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// page is how many parameters one answer has. The parameter store gives at most ten and may
// give fewer, so whoever does not ask for the next page misses one.
const page = 1

func (c *Cloud) ssm(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Name      string
		Path      string
		Recursive bool
		NextToken string
	}
	if !read(w, r, &in) {
		return
	}
	c.note(r, "ssm:"+operation(r), in.Name+in.Path, map[string][]string{"ssm:Recursive": {strconv.FormatBool(in.Recursive)}})
	if operation(r) == "GetParameter" {
		c.parameter(w, in.Name)
		return
	}
	if operation(r) != "GetParametersByPath" {
		fail(w, http.StatusBadRequest, "UnknownOperationException", operation(r))
		return
	}
	names := c.below(in.Path)
	from, _ := strconv.Atoi(in.NextToken) // no token is the beginning
	to := min(from+page, len(names))
	out := map[string]any{"Parameters": c.values(names[min(from, to):to])}
	if to < len(names) {
		out["NextToken"] = strconv.Itoa(to)
	}
	reply(w, http.StatusOK, out)
}

// parameter is one by its name.
func (c *Cloud) parameter(w http.ResponseWriter, name string) {
	if !slices.Contains(c.below("/"), name) {
		fail(w, http.StatusBadRequest, "ParameterNotFound", name)
		return
	}
	reply(w, http.StatusOK, map[string]any{"Parameter": c.values([]string{name})[0]})
}

func (c *Cloud) below(path string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := slices.Sorted(maps.Keys(c.parameters))
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, strings.TrimSuffix(path, "/")+"/") })
}

func (c *Cloud) values(names []string) []any {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := []any{}
	for _, name := range names {
		out = append(out, map[string]any{"Name": name, "Value": c.parameters[name], "Type": "String"})
	}
	return out
}
