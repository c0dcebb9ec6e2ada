package release

import (
	"remit/assembly"
	"remit/bootstrap"
	"remit/platform"
)

// Bootstraps is the stacks that an administrator has installed in every account, as the
// declaration intends them: who deploys is part of any world that is deployed.
func Bootstraps(p *platform.Platform) ([]assembly.Stack, error) {
	var out []assembly.Stack
	for _, e := range p.Environments {
		for _, site := range p.Sites(e) {
			s, err := assembly.Parse(bootstrap.Template(p, e, site), site.BootstrapStack(), string(site.Account), site.Region)
			if err != nil {
				return nil, err
			}
			out = append(out, s)
		}
	}
	return out, nil
}
