package load

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"remit/platform"
)

// pathArguments: an argument that fills a part of a path stays within it. To API Gateway's
// permissions a path parameter is *, which crosses slashes, and elsewhere a server may read
// "..": the lane's permission for one operation would be one for others (IAM, execute-api).
func (c *checker) pathArguments(at string, t platform.Tool, operation string) {
	properties, _ := t.Input["properties"].(map[string]any)
	required, _ := t.Input["required"].([]any)
	for _, m := range parameter.FindAllStringSubmatch(operation, -1) {
		name := m[1]
		property, _ := properties[name].(map[string]any)
		switch {
		case t.Input == nil || c.refused("tools."+t.Name+".input"):
		case property == nil || !slices.Contains(required, any(name)):
			c.sayAlso("unknown-argument", at, fmt.Sprintf("%q is not a required argument of the tool", cut(name)), "what fills a path must be in input.properties and input.required", "tools."+t.Name+".input")
		case !oneSegment(property):
			c.sayAlso("loose-path", at, fmt.Sprintf("argument %q fills a part of the path and could leave it", cut(name)),
				"give it a pattern from ^ to $ of letters, digits, - and _, such as ^[A-Za-z0-9_-]+$; or an enum, or type integer", "tools."+t.Name+".input")
		}
	}
}

var parameter = regexp.MustCompile(`\{([^}]*)\}`)

// oneSegment reports whether every value that the schema of an argument lets pass is one
// segment of a path.
func oneSegment(property map[string]any) bool {
	if property["type"] == "integer" {
		return true
	}
	if words, ok := property["enum"].([]any); ok {
		return !slices.ContainsFunc(words, func(w any) bool {
			word, ok := w.(string)
			return !ok || !segment.MatchString(word) || dots(word)
		})
	}
	pattern, _ := property["pattern"].(string)
	return property["type"] == "string" && onlySegments(pattern)
}

// segment is one of unreserved characters, which no server decodes to anything else (RFC 3986
// §2.3).
var segment = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)

func dots(s string) bool { return s == "." || s == ".." }

// onlySegments reports whether everything that a pattern matches, from beginning to end, is
// one segment. A pattern that is not of this plain form is not known to be.
func onlySegments(pattern string) bool {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil || re.Op != syntax.OpConcat || len(re.Sub) < 2 {
		return false
	}
	first, last := re.Sub[0], re.Sub[len(re.Sub)-1]
	if first.Op != syntax.OpBeginText || last.Op != syntax.OpEndText || !unreserved(re.Sub[1:len(re.Sub)-1]) {
		return false
	}
	matches := regexp.MustCompile(pattern).MatchString
	return !matches("") && !matches(".") && !matches("..")
}

// unreserved reports whether parts of a pattern consume nothing but characters of a segment.
func unreserved(parts []*syntax.Regexp) bool {
	for _, re := range parts {
		switch re.Op {
		case syntax.OpLiteral:
			if re.Flags&syntax.FoldCase != 0 || !segment.MatchString(string(re.Rune)) {
				return false
			}
		case syntax.OpCharClass:
			for i := 0; i < len(re.Rune); i += 2 {
				if !withinUnreserved(re.Rune[i], re.Rune[i+1]) {
					return false
				}
			}
		case syntax.OpCapture, syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat, syntax.OpConcat, syntax.OpAlternate:
			if !unreserved(re.Sub) {
				return false
			}
		case syntax.OpEmptyMatch:
		default:
			return false
		}
	}
	return true
}

func withinUnreserved(from, to rune) bool {
	for r := from; r <= to; r++ {
		if !strings.ContainsRune(unreservedCharacters, r) {
			return false // a wide range ends at its first other character
		}
	}
	return true
}

const unreservedCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
