package test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"remit/artifact"
	"remit/assembly"
	"remit/bootstrap"
	"remit/grants"
	"remit/iam"
	"remit/platform"
	"remit/platform/load"
)

// today is fixed, so that nothing a test reads expires between two runs of it.
const today = "2026-11-23"

// companies is every declaration in environments/, whoever wrote it.
func companies(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("../environments/*/platform.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no declaration in environments/: %v", err)
	}
	var out []string
	for _, f := range files {
		out = append(out, filepath.Base(filepath.Dir(f)))
	}
	return out
}

func declared(t testing.TB, company string) *platform.Platform {
	t.Helper()
	p, err := load.Dir(filepath.Join("../environments", company), today)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// scratch outlives single tests and is removed with the test binary.
var scratch string

func TestMain(m *testing.M) {
	flag.Parse()
	var err error
	if scratch, err = os.MkdirTemp("", "remit-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// functions are the Lambda functions, compiled where `make` keeps them, so that a second
// run compiles nothing.
const functions = "../" + artifact.Dir

// built is the app, compiled once in this test binary, and the functions it packs.
var built = sync.OnceValues(func() (string, error) {
	app := filepath.Join(scratch, "app")
	build := exec.Command("go", "run", "./artifact/build")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the functions: %w\n%s", err, out)
	}
	if out, err := exec.Command("go", "build", "-o", app, "remit").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return app, nil
})

// synthesized is each company's cloud assembly. The app runs once per company in this test
// binary, without the slow validator; everything else reads JSON and never starts Node.
var synthesized = sync.OnceValues(func() (map[string]string, error) {
	app, err := built()
	if err != nil {
		return nil, err
	}
	files, _ := filepath.Glob("../environments/*/platform.yaml")
	assemblies := map[string]string{}
	for _, f := range files {
		company := filepath.Base(filepath.Dir(f))
		assemblies[company] = filepath.Join(scratch, company)
		if err := synth(app, filepath.Dir(f), assemblies[company], false); err != nil {
			return nil, err
		}
	}
	return assemblies, nil
})

func synth(app, declaration, into string, validate bool) error {
	context, err := json.Marshal(map[string]string{"platform": declaration})
	if err != nil {
		return err
	}
	run := exec.Command(app)
	run.Env = append(os.Environ(), "REMIT_FUNCTIONS="+functions, "CDK_OUTDIR="+into, "CDK_CONTEXT_JSON="+string(context), fmt.Sprintf("CDK_VALIDATION=%v", validate))
	if out, err := run.CombinedOutput(); err != nil {
		return fmt.Errorf("synth of %s: %w\n%s", declaration, err, out)
	}
	return nil
}

// TestTheTemplatesPassCDKsOwnValidator is the one synth with the validator on. It reports
// most faults as warnings and lets the synth pass, so its report is what counts.
func TestTheTemplatesPassCDKsOwnValidator(t *testing.T) {
	app, err := built()
	if err != nil {
		t.Fatal(err)
	}
	for _, company := range companies(t) {
		into := filepath.Join(t.TempDir(), company)
		if err := synth(app, filepath.Join("../environments", company), into, true); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(into, "validation-report.json"))
		if err != nil {
			t.Fatalf("the validator left no report, so nothing was validated: %v", err)
		}
		var report struct {
			PluginReports []struct {
				PluginName string
				Violations []struct{ RuleName, Description string }
			}
		}
		if err := json.Unmarshal(text, &report); err != nil {
			t.Fatal(err)
		}
		for _, plugin := range report.PluginReports {
			for _, v := range plugin.Violations {
				t.Errorf("%s: %s %s: %s", company, plugin.PluginName, v.RuleName, v.Description)
			}
		}
	}
}

func stacksOf(t testing.TB, company string) []assembly.Stack {
	t.Helper()
	assemblies, err := synthesized()
	if err != nil {
		t.Fatal(err)
	}
	stacks, err := assembly.Stacks(os.DirFS(assemblies[company]))
	if err != nil {
		t.Fatal(err)
	}
	return stacks
}

// bootstrapStacks are the templates an administrator installs, read as anyone's are.
func bootstrapStacks(t testing.TB, p *platform.Platform, e platform.Environment) []assembly.Stack {
	t.Helper()
	var out []assembly.Stack
	for _, site := range sitesOf(p, e) {
		text := bootstrap.Shared(p, site)
		if e.Name != shared {
			text = bootstrap.Template(p, e, site)
		}
		s, err := assembly.Parse(text, site.BootstrapStack(), string(site.Account), site.Region)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

// shared is what the company's own accounts are called beside its environments.
const shared = "shared"

// places is every environment, and the company's own accounts as if they were one.
func places(p *platform.Platform) []platform.Environment {
	out := slices.Clone(p.Environments)
	if sites := p.SharedSites(); len(sites) > 0 {
		e := platform.Environment{Name: shared, Region: p.Shared.Region}
		for _, site := range sites {
			e.Accounts = append(e.Accounts, platform.Account{Purpose: site.Purpose, ID: site.Account})
		}
		out = append(out, e)
	}
	return out
}

func sitesOf(p *platform.Platform, e platform.Environment) []platform.Site {
	if e.Name == shared {
		return p.SharedSites()
	}
	return p.Sites(e)
}

func intended(p *platform.Platform, e platform.Environment) iam.World {
	if e.Name == shared {
		return grants.Shared(p)
	}
	return grants.Intended(p, e.Name)
}

// synthesizedWorld is one environment as its templates say it is, bootstrap included.
func synthesizedWorld(t testing.TB, p *platform.Platform, e platform.Environment, stacks []assembly.Stack) iam.World {
	t.Helper()
	in := bootstrapStacks(t, p, e)
	for _, s := range stacks {
		for _, a := range e.Accounts {
			if s.Account == string(a.ID) {
				in = append(in, s)
			}
		}
	}
	w, unreadable := assembly.World(in)
	for _, u := range unreadable {
		t.Errorf("%s", u)
	}
	return w
}

func TestWhatIsSynthesizedIsWhatWasIntended(t *testing.T) {
	for _, company := range companies(t) {
		p, stacks := declared(t, company), stacksOf(t, company)
		for _, e := range places(p) {
			got := synthesizedWorld(t, p, e, stacks)
			if len(got.Roles) == 0 {
				t.Errorf("%s %s: no role was synthesized, so nothing was compared", company, e.Name)
			}
			for _, d := range iam.Diff(intended(p, e), got) {
				t.Errorf("%s %s: %s", company, e.Name, d)
			}
		}
	}
}

// The sweep is the same zip in every environment and has other settings in each. A setting that
// changes without the code must make a version, or what is called is not what was reviewed.
func TestASettingThatChangesMakesAVersion(t *testing.T) {
	for _, company := range companies(t) {
		versions, sweeps := map[string]string{}, 0
		for _, s := range stacksOf(t, company) {
			for id, r := range s.Template.Resources {
				if r.Type != "AWS::Lambda::Version" || !strings.HasPrefix(id, "SweepVersion") {
					continue
				}
				sweeps++
				if other, twice := versions[id]; twice {
					t.Errorf("%s: %s and %s publish the same version %s under different settings", company, s.Name, other, id)
				}
				versions[id] = s.Name
			}
		}
		if sweeps < 2 {
			t.Errorf("%s: %d sweeps, so nothing was compared", company, sweeps)
		}
	}
}

// A dashboard that named a lane would have to change with it, and the lane's stack is not the
// account's.
func TestADashboardIsOneForAnEnvironmentAndNamesNoLane(t *testing.T) {
	for _, company := range companies(t) {
		p := declared(t, company)
		dashboards := map[string]int{}
		for _, s := range stacksOf(t, company) {
			for _, r := range s.Template.Resources {
				if r.Type != "AWS::CloudWatch::Dashboard" {
					continue
				}
				var shown struct {
					Widgets []struct{ Properties map[string]any }
				}
				body, _ := r.Properties["DashboardBody"].(string)
				if err := json.Unmarshal([]byte(body), &shown); err != nil || len(shown.Widgets) < 10 {
					t.Errorf("%s: the dashboard of %s shows %d things: %v", company, s.Name, len(shown.Widgets), err)
				}
				dashboards[s.Name]++
				for _, agent := range p.Agents {
					if strings.Contains(body, agent.Name) {
						t.Errorf("%s: the dashboard of %s names %s", company, s.Name, agent.Name)
					}
				}
			}
		}
		if len(dashboards) != len(p.Environments) {
			t.Errorf("%s: %d environments have dashboards %v", company, len(p.Environments), dashboards)
		}
	}
}
