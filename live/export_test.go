package live

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"remit/iam"
)

// exportOf is an export with these entries; the others are empty lists.
func exportOf(roles, users, groups, policies string) string {
	return `{"RoleDetailList":[` + roles + `],"UserDetailList":[` + users + `],"GroupDetailList":[` + groups + `],"Policies":[` + policies + `]}`
}

const (
	readB    = `{"Version":"2012-10-17","Statement":[{"Sid":"Read","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}`
	trustEC2 = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	fenced   = `{"Arn":"arn:aws:iam::111111111111:policy/fence","PolicyVersionList":[{"IsDefaultVersion":false,"Document":{"Statement":[]}},{"IsDefaultVersion":true,"Document":` + readB + `}]}`
)

func TestAnExportIsEveryPrincipalOfTheAccount(t *testing.T) {
	roles := `{"Arn":"arn:aws:iam::111111111111:role/app","Path":"/","AssumeRolePolicyDocument":"` + url.PathEscape(trustEC2) + `","RolePolicyList":[{"PolicyName":"p","PolicyDocument":` + readB + `}],
		"AttachedManagedPolicies":[{"PolicyName":"AWSX","PolicyArn":"arn:aws:iam::aws:policy/X"}],"PermissionsBoundary":{"PermissionsBoundaryType":"Policy","PermissionsBoundaryArn":"arn:aws:iam::111111111111:policy/fence"}},
		{"Arn":"arn:aws:iam::111111111111:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX","Path":"/aws-service-role/x.amazonaws.com/","AssumeRolePolicyDocument":` + trustEC2 + `}`
	users := `{"Arn":"arn:aws:iam::111111111111:user/ann","Path":"/","GroupList":["readers"],"AttachedManagedPolicies":[]}`
	groups := `{"GroupName":"readers","Arn":"arn:aws:iam::111111111111:group/readers","GroupPolicyList":[{"PolicyName":"p","PolicyDocument":` + readB + `}],"AttachedManagedPolicies":[{"PolicyArn":"arn:aws:iam::aws:policy/X"}]}`
	text := exportOf(roles, users, groups, fenced)
	if !IsExport([]byte(text)) {
		t.Fatal("an export is taken for a template")
	}
	w, unread, err := Export("export.json", []byte(text))
	if err != nil || len(unread) > 0 {
		t.Fatalf("%v %v", unread, err)
	}
	const want = `
role /app                                                         session 1h   policy 128 of 10240 characters
  boundary  fence
  attached  arn:aws:iam::aws:policy/X   (text not here)
  trusted by
    service ec2.amazonaws.com
      for   sts:AssumeRole
  may
    s3:GetObject                                                          Read
      on    arn:aws:s3:::b/*

role user/ann                                                     session 1h   policy 128 of 10240 characters
  boundary  NONE
  attached  arn:aws:iam::aws:policy/X   (text not here)
  trusted by
  may
    s3:GetObject                                                          Read
      on    arn:aws:s3:::b/*

managed policy /fence                                             128 of 6144 characters
  may
    s3:GetObject                                                          Read
      on    arn:aws:s3:::b/*
`
	if got := w.Text(iam.View{}); got != want {
		t.Errorf("read\n%swant\n%s", got, want)
	}
	ann := iam.Request{Principal: "arn:aws:iam::111111111111:user/ann", Action: "s3:GetObject", Resource: "arn:aws:s3:::b/x", ResourceAccount: "111111111111"}
	w.Roles[1].Managed = nil
	if v := w.Eval(ann); v != iam.Allowed {
		t.Errorf("a user may not do what its group may: %v", v)
	}
}

func TestWhatAnExportHidesIsSaidAndNeverDropped(t *testing.T) {
	role := func(document string) string {
		return exportOf(`{"Arn":"arn:aws:iam::111111111111:role/r","AssumeRolePolicyDocument":`+trustEC2+`,"RolePolicyList":[{"PolicyName":"p","PolicyDocument":`+document+`}]}`, "", "", "")
	}
	for name, c := range map[string]struct{ text, whose, why string }{
		"a policy of an unknown element":   {role(`{"Statement":[{"Effect":"Allow","Acton":"*"}]}`), "arn:aws:iam::111111111111:role/r", "unknown element"},
		"an old policy with a dollar sign": {role(`{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:username}"}]}`), "arn:aws:iam::111111111111:role/r", "version 2008-10-17"},
		"a broken escape":                  {role(`"%zz"`), "arn:aws:iam::111111111111:role/r", "its policy p"},
		"a trust that is none":             {exportOf(`{"Arn":"arn:aws:iam::111111111111:role/r","AssumeRolePolicyDocument":{"Statment":[]}}`, "", "", ""), "arn:aws:iam::111111111111:role/r", "its trust"},
		"a group that is not there":        {exportOf("", `{"Arn":"arn:aws:iam::111111111111:user/u","GroupList":["ghosts"]}`, "", ""), "arn:aws:iam::111111111111:user/u", "group ghosts"},
		"a policy without a version":       {exportOf("", "", "", `{"Arn":"arn:aws:iam::111111111111:policy/p","PolicyVersionList":[]}`), "arn:aws:iam::111111111111:policy/p", "no version"},
		"a managed policy nobody can read": {exportOf("", "", "", `{"Arn":"arn:aws:iam::111111111111:policy/p","PolicyVersionList":[{"IsDefaultVersion":true,"Document":[]}]}`), "arn:aws:iam::111111111111:policy/p", "want an object"},
	} {
		_, unread, err := Export("export.json", []byte(c.text))
		if err != nil || len(unread) != 1 || unread[0].Whose != c.whose || !strings.Contains(unread[0].Why, c.why) {
			t.Errorf("%s: %v %v, want %s of %s", name, unread, err, c.why, c.whose)
		}
	}
	w, unread, err := Export("export.json", []byte(role(`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`)))
	if err != nil || len(unread) > 0 || len(w.Roles) != 1 || !slices.Equal(w.Roles[0].Policy.Statements[0].Actions.Of, []string{"s3:*"}) {
		t.Errorf("an old policy that says the same in both languages: %v %v %+v", unread, err, w)
	}
}

func TestAPartOfAnExportIsNone(t *testing.T) {
	for name, text := range map[string]string{
		"a page":           `{"IsTruncated":true,` + exportOf("", "", "", "")[1:],
		"without users":    `{"RoleDetailList":[],"GroupDetailList":[],"Policies":[]}`,
		"without groups":   `{"RoleDetailList":[],"UserDetailList":[],"Policies":[]}`,
		"without policies": `{"RoleDetailList":[],"UserDetailList":[],"GroupDetailList":[]}`,
		"of another shape": `{"RoleDetailList":{}}`,
	} {
		if _, _, err := Export("export.json", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), "export.json: ") {
			t.Errorf("%s: %v, and half an account would be called proved", name, err)
		}
	}
	for _, text := range []string{`{"Resources":{}}`, `[]`, `{`} {
		if IsExport([]byte(text)) {
			t.Errorf("%s is taken for an export", text)
		}
	}
}

func FuzzExportNeverPanics(f *testing.F) {
	f.Add([]byte(exportOf(`{"Arn":"r","RolePolicyList":[{"PolicyDocument":`+readB+`}]}`, "", "", fenced)))
	f.Fuzz(func(_ *testing.T, text []byte) {
		if w, _, err := Export("x", text); err == nil {
			w.Text(iam.View{})
		}
	})
}
