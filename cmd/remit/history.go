package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"remit/platform"
	"remit/promotion"
)

// past is a version that a lane ran, and the last commit that declared it.
type past struct {
	lane         platform.Lane
	commit, date string
}

func (p past) String() string {
	return fmt.Sprintf("%s  %s  code %s  prompts %s", p.date, p.commit[:12], briefly(string(p.lane.Code)), briefly(string(p.lane.Prompts)))
}

// briefly is a digest as far as people read it, and as --to takes it.
func briefly(digest string) string { return digest[:len("sha256:")+12] }

// goBack is the edit to an earlier version of a lane: the newest other one, or the one that
// --to names. What a version needed to come here, it needs again: the pipeline asks.
func (s *environmentFile) goBack(c *command, name string) (promotion.Edit, error) {
	lane, err := s.running(name)
	if err != nil {
		return promotion.Edit{}, err
	}
	h := history{dir: filepath.Dir(s.path), file: filepath.Base(s.path), agent: s.agent, lane: name, say: c.err}
	if err := h.read(); err != nil {
		return promotion.Edit{}, err
	}
	to, err := h.earlier(lane, c.to)
	return promotion.Edit{Agent: s.agent, Lane: versioned(lane, to)}, err
}

// history is what git has of a lane in one file.
type history struct {
	dir, file   string
	agent, lane string
	say         io.Writer
	versions    []past // each once, the newest first
}

// read takes each commit on the way that the branch itself went: a merge stands for what it
// brought. A file that had another name then is not followed.
func (h *history) read() error {
	if _, err := exec.LookPath("git"); err != nil {
		return errors.New("--back reads the file's history with git, which is not installed; install it, or edit the file by hand")
	}
	prefix, err := h.git(nil, "rev-parse", "--show-prefix")
	if err != nil {
		return fmt.Errorf("%s is in no git repository that can be read (%w); --back reads the file's history there", h.dir, err)
	}
	log, err := h.git(nil, "log", "--first-parent", "--no-show-signature", "--format=%H %cs", "--", "./"+h.file)
	if err != nil || len(log) == 0 {
		return fmt.Errorf("git has no commit of %s, so there is no version to go back to", filepath.Join(h.dir, h.file))
	}
	return h.each(strings.TrimSuffix(string(prefix), "\n")+h.file, strings.Fields(string(log)))
}

// each reads the file as it was at commits, given with their dates.
func (h *history) each(path string, commits []string) error {
	var asked strings.Builder
	for i := 0; i < len(commits); i += 2 {
		fmt.Fprintf(&asked, "%s:%s\n", commits[i], path)
	}
	blobs, err := h.git(strings.NewReader(asked.String()), "cat-file", "--batch")
	if err != nil {
		return err
	}
	from := bufio.NewReader(bytes.NewReader(blobs))
	for i := 0; i < len(commits); i += 2 {
		text, err := blob(from)
		if err != nil {
			return err
		}
		h.add(text, commits[i], commits[i+1])
	}
	return nil
}

// blob is the next file that git cat-file --batch prints; nil where the commit has none.
func blob(from *bufio.Reader) ([]byte, error) {
	head, err := from.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("git cat-file ended early: %w", err)
	}
	if strings.HasSuffix(head, " missing\n") {
		return nil, nil
	}
	var id, kind string
	var size int
	if _, err := fmt.Sscanf(head, "%s %s %d", &id, &kind, &size); err != nil {
		return nil, fmt.Errorf("git cat-file said %q: %w", head, err)
	}
	text := make([]byte, size+1)
	_, err = io.ReadFull(from, text)
	return text[:size], err
}

func (h *history) add(text []byte, commit, date string) {
	if text == nil {
		return
	}
	lanes, err := promotion.Lanes(h.file, text, h.agent)
	if err != nil {
		fmt.Fprintf(h.say, "remit: %s of commit %s is left out: %v\n", h.file, commit[:12], err)
		return
	}
	lane, ok := laneOf(lanes, h.lane)
	if !ok || slices.ContainsFunc(h.versions, func(p past) bool { return promotion.SameVersion(p.lane, lane) }) {
		return
	}
	h.versions = append(h.versions, past{lane, commit, date})
}

// earlier is the version that to names, or without it the newest that is not the current one.
func (h *history) earlier(current platform.Lane, to string) (platform.Lane, error) {
	found := slices.Clone(h.versions)
	if to != "" {
		var err error
		if found, err = h.named(to); err != nil {
			return current, err
		}
	} else {
		found = slices.DeleteFunc(found, func(p past) bool { return promotion.SameVersion(p.lane, current) })
		found = found[:min(1, len(found))]
	}
	switch len(found) {
	case 0:
		return current, h.unknown(to)
	case 1:
		return found[0].lane, nil
	}
	return current, usage{fmt.Sprintf("%s names %d versions of %s; name more digits, or a commit:\n%s", to, len(found), h.lane, listed(found))}
}

// digits is what --to may be: a digest's beginning, with or without its kind, or a commit's.
var digits = regexp.MustCompile(`^(sha256:)?[0-9a-f]{8,64}$`)

// named is every version that a digest or a commit names.
func (h *history) named(to string) ([]past, error) {
	var found []past
	hex, isDigest := strings.CutPrefix(to, "sha256:")
	if digits.MatchString(to) {
		found = slices.DeleteFunc(slices.Clone(h.versions), func(p past) bool {
			return !strings.HasPrefix(string(p.lane.Code), "sha256:"+hex) && !strings.HasPrefix(string(p.lane.Prompts), "sha256:"+hex)
		})
	} else if isDigest {
		return nil, usage{"--to takes a digest as sha256: and at least 8 of its digits, in lower case"}
	}
	if len(found) > 0 || isDigest {
		return found, nil
	}
	return h.at(to), nil
}

// at is the version at a commit that the branch has, if there is one.
func (h *history) at(commit string) []past {
	id, err := h.git(nil, "rev-parse", "--verify", "--quiet", "--end-of-options", commit+"^{commit}")
	if err != nil {
		return nil
	}
	found := strings.TrimSpace(string(id))
	if _, err := h.git(nil, "merge-base", "--is-ancestor", found, "HEAD"); err != nil {
		return nil
	}
	text, err := h.git(nil, "show", found+":./"+h.file)
	if err != nil {
		return nil
	}
	then := &history{file: h.file, agent: h.agent, lane: h.lane, say: h.say}
	then.add(text, found, "")
	return then.versions
}

// unknown says which versions there are.
func (h *history) unknown(to string) error {
	shallow := ""
	if out, err := h.git(nil, "rev-parse", "--is-shallow-repository"); err == nil && strings.TrimSpace(string(out)) == "true" {
		shallow = "; this clone is shallow, and git fetch --unshallow brings the rest"
	}
	if to == "" {
		return fmt.Errorf("%s of %s never ran another version, as git has %s%s", h.lane, h.agent, h.file, shallow)
	}
	return usage{fmt.Sprintf("%s names no version that %s of %s ran, as git has %s; known%s:\n%s", to, h.lane, h.agent, h.file, shallow, listed(h.versions))}
}

func listed(versions []past) string {
	var out []string
	for _, p := range versions {
		out = append(out, "  "+p.String())
	}
	return strings.Join(out, "\n")
}

// git runs git in the declaration's directory. The error is what git said.
func (h *history) git(in io.Reader, arguments ...string) ([]byte, error) {
	run := exec.Command("git", append([]string{"-C", h.dir}, arguments...)...)
	run.Env = append(os.Environ(), "LC_ALL=C")
	run.Stdin = in
	out, err := run.Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		said, _, _ := strings.Cut(strings.TrimSpace(string(failed.Stderr)), "\n")
		return nil, errors.New("git: " + said)
	}
	return out, err
}
