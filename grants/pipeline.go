package grants

import (
	"remit/attest"
	"remit/iam"
	"remit/pipeline"
	"remit/platform"
	"remit/shelf"
)

// Shared is all IAM in the company's own accounts: the pipeline, its steps, the gate and whoever
// comes to it, and the buckets that administrators deploy from. None of it is deployed by the
// pipeline.
func Shared(p *platform.Platform) iam.World {
	var buckets iam.World
	for _, site := range p.SharedSites() {
		buckets.Policies = append(buckets.Policies, SharedBucket(p, site))
	}
	if pipeline.Of(p) == nil {
		return buckets
	}
	return buckets.Plus(PipelineFence(p), Pipeline(p))
}

const declaredPipeline = "shared.pipeline"

// Pipeline is what the pipeline's own stack holds: a role for the service, one for each kind of
// step, the gate's and that of approvers, and who may use the buckets, keys and the topic.
func Pipeline(p *platform.Platform) iam.World {
	site := p.SharedSite(platform.Pipeline)
	d := p.Shared.Pipeline
	step := func(kind string, statements ...iam.Statement) iam.Role {
		return role(p, site, site.Role(platform.Pipeline, kind), "step-"+kind, declaredPipeline, byCodeBuild(site, kind), iam.Doc(append(statements, stepLogs(site, kind))...))
	}
	return iam.World{
		Roles: []iam.Role{
			role(p, site, site.Role(platform.Pipeline, "service"), platform.Pipeline, declaredPipeline, byCodePipeline, iam.Doc(serviceStatements(site, d)...)),
			step(pipeline.TestRole, takeArtifacts(site), useConnection(d), signInToRegistry, pushImages(site)),
			step(pipeline.JudgeRole, append(judges(site), takeArtifacts(site), handOn(site), useConnection(d))...),
			step(pipeline.EvaluateRole, append(evaluates(site), takeArtifacts(site), useConnection(d))...),
			step(pipeline.FenceRole, append(deploys(p, site, "fence-assets", "fence-deploy", "lookup"), takeArtifacts(site), useConnection(d))...),
			step(pipeline.DeployRole, append(deploys(p, site, "assets", "deploy", "lookup"), takeArtifacts(site), useConnection(d), lay(site, "NoteWhatRuns", "what runs is noted when it has been compared", shelf.Deployed))...),
			gateRole(p, site),
			role(p, site, site.Role(platform.Pipeline, "approver"), "approver", declaredPipeline, byPeople(d.Approvers), iam.Doc(callGate(site)...)),
		},
		Policies: append(append(signerKeys(p, site), pushedByTests(p, site)...),
			iam.Policy{ARN: iam.ARN(bucketARN(site, site.ShelfBucket())), Kind: "AWS::S3::Bucket", Account: string(site.Account), Document: shelfPolicy(site), From: place(p, declaredPipeline)},
			iam.Policy{ARN: iam.ARN(bucketARN(site, site.ArtifactBucket())), Kind: "AWS::S3::Bucket", Account: string(site.Account), Document: artifactPolicy(site), From: place(p, declaredPipeline)},
			NoticePolicy(p, site)),
	}.Canonical()
}

// byCodePipeline lets the service take a role. It is not known to say for which pipeline, so who
// may hand it the role decides: whoever changes the pipeline, an administrator (CodePipeline User
// Guide, pipelines-create-service-role-cli).
var byCodePipeline = iam.Doc(iam.Statement{
	Sid: "OnlyCodePipeline", Why: "the pipeline starts its own steps", Effect: iam.Allow,
	Principals: iam.Principals{Service: list("codepipeline.amazonaws.com")}, Actions: iam.Of("sts:AssumeRole"),
})

// byCodeBuild lets the projects of a role take it (CodeBuild User Guide, cross-service-confused-deputy-prevention).
func byCodeBuild(site platform.Site, role string) iam.Document {
	var projects []string
	for _, kind := range kindsOf(role) {
		projects = append(projects, project(site, kind))
	}
	return iam.Doc(iam.Statement{
		Sid: "OnlyItsProject", Why: "each step runs as its own role", Effect: iam.Allow,
		Principals: iam.Principals{Service: list("codebuild.amazonaws.com")}, Actions: iam.Of("sts:AssumeRole"),
		When: []iam.Condition{iam.When("ArnEquals", "aws:SourceArn", projects...), iam.When("StringEquals", "aws:SourceAccount", string(site.Account))},
	})
}

func project(site platform.Site, kind string) string {
	return site.ARN("codebuild", "project/"+site.Named(kind))
}

// projects is every project of the pipeline.
func projects(site platform.Site) []string {
	var out []string
	for kind := range pipeline.Roles {
		out = append(out, project(site, string(kind)))
	}
	return out
}

func bucketARN(site platform.Site, name string) string {
	return "arn:" + site.Partition() + ":s3:::" + name
}

func topicARN(site platform.Site) string { return site.ARN("sns", site.Named("waits")) }

func pipelineARN(site platform.Site) string { return site.ARN("codepipeline", site.Named()) }

func serviceStatements(site platform.Site, d *platform.Promotion) []iam.Statement {
	artifacts := bucketARN(site, site.ArtifactBucket())
	return []iam.Statement{
		allow("StartSteps", "its own steps", list("codebuild:BatchGetBuilds", "codebuild:StartBuild"), projects(site)),
		useConnection(d),
		allow("HandOnArtifacts", "what one step hands to the next", list("s3:GetBucketVersioning", "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"), list(artifacts, artifacts+"/*"), inAccountOf(site)),
		allow("SayThatItWaits", "the gate hears of it; only the gate can answer", list("sns:Publish"), list(topicARN(site))),
	}
}

func useConnection(d *platform.Promotion) iam.Statement {
	return allow("ReadSource", "the declared repositories, the pinned Remit's among them, through the connection that an administrator authorised",
		list(iam.ARN(d.Connection).Part(2)+":UseConnection"), list(d.Connection))
}

func stepLogs(site platform.Site, role string) iam.Statement {
	var groups []string
	for _, kind := range kindsOf(role) {
		groups = append(groups, site.ARN("logs", "log-group:/aws/codebuild/"+site.Named(kind)+":log-stream:*"))
	}
	return allow("WriteOwnLogs", "a step reports what it does", list("logs:CreateLogStream", "logs:PutLogEvents"), groups)
}

// kindsOf is the kinds of step that run as a role, by which projects are named.
func kindsOf(role string) []string {
	var out []string
	for kind, runs := range pipeline.Roles {
		if runs == role {
			out = append(out, string(kind))
		}
	}
	return out
}

func takeArtifacts(site platform.Site) iam.Statement {
	return allow("TakeArtifacts", "what the steps before have handed on", list("s3:GetObject", "s3:GetObjectVersion"), list(bucketARN(site, site.ArtifactBucket())+"/*"), inAccountOf(site))
}

// handOn is for the one step that makes what others take.
func handOn(site platform.Site) iam.Statement {
	return allow("HandOnReleases", "the release that was synthesized", list("s3:PutObject"), list(bucketARN(site, site.ArtifactBucket())+"/*"), inAccountOf(site))
}

var signInToRegistry = allow("SignInToRegistry", "a registry token opens nothing by itself", list("ecr:GetAuthorizationToken"), everything)

// pushImages: images are pushed by the step that builds them, and replaced by nobody, because
// tags are immutable.
func pushImages(site platform.Site) iam.Statement {
	return allow("PushImages", "images of this platform's agents, which each environment takes by digest",
		list("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"),
		list(site.ARN("ecr", "repository/"+site.Platform+"/*")))
}

// pushedByTests keeps everybody else in the account from pushing an image, whatever IAM they have.
func pushedByTests(p *platform.Platform, site platform.Site) []iam.Policy {
	var out []iam.Policy
	for _, agent := range p.Agents {
		s := deny("OnlyTheTests", "one step builds images, and pushes them", list("ecr:BatchDeleteImage", "ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"), nil,
			iam.When("ArnNotEquals", "aws:PrincipalArn", site.Role(platform.Pipeline, pipeline.TestRole)))
		s.Principals = iam.Principals{AWS: everything}
		repository := platform.AgentSite{Site: site, Agent: agent.Name}.Repository()
		out = append(out, iam.Policy{ARN: iam.ARN(site.ARN("ecr", "repository/"+repository)), Kind: "AWS::ECR::Repository", Document: iam.Doc(s), From: place(p, declaredPipeline)})
	}
	return out
}

// look reads parts of the shelf. Without permission to list, what is absent would look refused.
func look(site platform.Site, sid, why string, parts ...string) iam.Statement {
	b := bucketARN(site, site.ShelfBucket())
	on := list(b)
	for _, part := range parts {
		on = append(on, b+"/"+part+"*")
	}
	return allow(sid, why, list("s3:GetObject", "s3:ListBucket"), on, inAccountOf(site))
}

func lay(site platform.Site, sid, why string, parts ...string) iam.Statement {
	var on []string
	for _, part := range parts {
		on = append(on, bucketARN(site, site.ShelfBucket())+"/"+part+"*")
	}
	return allow(sid, why, list("s3:PutObject"), on, inAccountOf(site))
}

func signs(site platform.Site, signer string) iam.Statement {
	return allow("Sign", "in its own name", list("kms:GetPublicKey", "kms:Sign"), list(site.KeyARN(platform.SignerKeyID(signer))))
}

func checks(site platform.Site, signers ...string) iam.Statement {
	var on []string
	for _, signer := range signers {
		on = append(on, site.KeyARN(platform.SignerKeyID(signer)))
	}
	return allow("CheckSignatures", "of who signed before it", list("kms:Verify"), on)
}

func judges(site platform.Site) []iam.Statement {
	return []iam.Statement{
		look(site, "ReadShelf", "what runs, what was said of it, and what was measured", shelf.Releases, shelf.Attestations, shelf.Evaluations, shelf.Deployed),
		lay(site, "Attest", "a release, and what it means for an environment", shelf.Releases, shelf.Attestations),
		signs(site, attest.Judge), checks(site, attest.Judge, attest.Evaluator),
	}
}

func evaluates(site platform.Site) []iam.Statement {
	return []iam.Statement{
		look(site, "ReadShelf", "whether this run was evaluated already", shelf.Evaluations),
		lay(site, "Evaluate", "what was measured", shelf.Evaluations),
		signs(site, attest.Evaluator),
	}
}

// deploys takes the roles of one set in every environment that the pipeline deploys.
func deploys(p *platform.Platform, site platform.Site, kinds ...string) []iam.Statement {
	var roles []string
	for _, e := range p.Environments {
		if !e.Deploy.ByPipeline() {
			continue
		}
		for _, there := range p.Sites(e) {
			for _, kind := range kinds {
				roles = append(roles, there.BootstrapRole(kind))
			}
		}
	}
	return []iam.Statement{
		allow("EnterAccounts", "one set of deploying roles, in the environments that the pipeline deploys", list("sts:AssumeRole"), roles),
		look(site, "ReadShelf", "what lets a release in, and what runs", shelf.Attestations, shelf.Admissions, shelf.Deployed),
		checks(site, attest.Judge, attest.Gate),
	}
}

// gateRole answers approvals, and nothing else of the pipeline.
func gateRole(p *platform.Platform, site platform.Site) iam.Role {
	return role(p, site, site.Role(platform.Pipeline, "gate"), "gate", declaredPipeline, byLambda("OnlyLambda", "the gate's own execution role"),
		iam.Doc(
			look(site, "ReadShelf", "what was judged, what runs, and who has agreed", shelf.Attestations, shelf.Deployed, shelf.Approvals, shelf.Admissions),
			lay(site, "Admit", "who agreed, and what is let in", shelf.Approvals, shelf.Admissions),
			signs(site, attest.Gate), checks(site, attest.Judge, attest.Gate),
			allow("SeeWhatWaits", "which run waits, and the token that answers it", list("codepipeline:GetPipelineState"), list(pipelineARN(site))),
			allow("AnswerApprovals", "it alone answers where the pipeline waits for people", list("codepipeline:PutApprovalResult"), list(pipelineARN(site)+"/*/approve-*")),
			ownLogs(site, site.Named("gate")), ownTraces))
}

func gateFunction(site platform.Site) string {
	return site.ARN("lambda", "function:"+site.Named("gate")+":"+platform.Live)
}

// callGate is what an approver's role may do: call the gate's address, and look it up.
func callGate(site platform.Site) []iam.Statement {
	return append(callAddress("Approve", gateFunction(site)), findAddress(site, "FindGate", platform.GateURL(site)))
}

// NoticePolicy lets the topic on which the pipeline says that it waits invoke the gate.
func NoticePolicy(p *platform.Platform, site platform.Site) iam.Policy {
	s := iam.Statement{Sid: "NoticedByTopic", Why: "the gate looks when the pipeline waits", Effect: iam.Allow, Principals: iam.Principals{Service: list("sns.amazonaws.com")},
		Actions: iam.Of("lambda:InvokeFunction"), Resources: iam.Of(gateFunction(site)),
		When: []iam.Condition{iam.When("ArnLike", "aws:SourceArn", topicARN(site)), iam.When("StringEquals", "aws:SourceAccount", string(site.Account))}}
	return iam.Policy{ARN: iam.ARN(gateFunction(site)), Kind: "AWS::Lambda::Function", Document: iam.Doc(s), From: place(p, declaredPipeline)}
}

// signerKeys is one key for each who signs. Who signs with it is in the key's own policy, so
// that no IAM of anyone else's is enough; hooks of other accounts check with it and no more.
func signerKeys(p *platform.Platform, site platform.Site) []iam.Policy {
	var out []iam.Policy
	for signer, by := range map[string]string{attest.Judge: pipeline.JudgeRole, attest.Evaluator: pipeline.EvaluateRole, attest.Gate: "gate"} {
		use := allow("SignedBy"+platform.Pascal(by), "nobody else signs in this name", list("kms:GetPublicKey", "kms:Sign"), everything, iam.When("ArnEquals", "aws:PrincipalArn", site.Role(platform.Pipeline, by)))
		use.Principals = iam.Principals{AWS: list(accountPrincipal(iam.ARN(site.Role("x"))))}
		check := allow("CheckedHere", "whoever reads the shelf checks what it says", list("kms:GetPublicKey", "kms:Verify"), everything, iam.When("ArnLike", "aws:PrincipalArn", site.Role(platform.Pipeline, "*")))
		check.Principals = use.Principals
		statements := append([]iam.Statement{use, check}, checkedByHooks(p, signer)...)
		out = append(out, iam.Policy{ARN: iam.ARN(site.KeyARN(platform.SignerKeyID(signer))), Kind: "AWS::KMS::Key", Document: iam.Doc(append(statements, administeredByAccount(site))...), From: place(p, declaredPipeline)})
	}
	return out
}

// administeredByAccount leaves a key to the account's administrators, who may not sign with it.
func administeredByAccount(site platform.Site) iam.Statement {
	s := allow("AdministeredHere", "administrators keep the key; signing with it is not part of that", keyAdministration, everything, iam.When("StringEquals", "aws:PrincipalAccount", string(site.Account)))
	s.Principals = iam.Principals{AWS: list(accountPrincipal(iam.ARN(site.Role("x"))))}
	return s
}

func checkedByHooks(p *platform.Platform, signer string) []iam.Statement {
	if signer == attest.Evaluator {
		return nil
	}
	var out []iam.Statement
	for _, e := range p.Environments {
		for _, site := range p.Hooked(e) {
			s := allow("CheckedIn"+platform.Pascal(e.Name)+platform.Pascal(site.Purpose), "CloudFormation's hook there", list("kms:Verify"), everything, iam.When("ArnEquals", "aws:PrincipalArn", site.Role("hook")))
			s.Principals = iam.Principals{AWS: list(accountPrincipal(iam.ARN(site.Role("hook"))))}
			out = append(out, s)
		}
	}
	return out
}

// shelfPolicy: each part of the shelf has one writer, nothing on it is removed, and what was
// laid down stays, but for the note of what runs.
func shelfPolicy(site platform.Site) iam.Document {
	b := bucketARN(site, site.ShelfBucket())
	var statements []iam.Statement
	for _, part := range []struct{ sid, prefix, role string }{
		{"OnlyTheJudgeReleases", shelf.Releases, pipeline.JudgeRole}, {"OnlyTheJudgeAttests", shelf.Attestations, pipeline.JudgeRole},
		{"OnlyTheEvaluatorMeasures", shelf.Evaluations, pipeline.EvaluateRole}, {"OnlyTheGateApproves", shelf.Approvals, "gate"},
		{"OnlyTheGateAdmits", shelf.Admissions, "gate"}, {"OnlyDeployingNotes", shelf.Deployed, pipeline.DeployRole},
	} {
		statements = append(statements, deny(part.sid, "one role writes here", list("s3:PutObject*"), list(b+"/"+part.prefix+"*"), iam.When("ArnNotEquals", "aws:PrincipalArn", site.Role(platform.Pipeline, part.role))))
	}
	once := list(b+"/"+shelf.Releases+"*", b+"/"+shelf.Attestations+"*", b+"/"+shelf.Evaluations+"*", b+"/"+shelf.Approvals+"*", b+"/"+shelf.Admissions+"*")
	statements = append(statements,
		deny("WriteOnce", "what was said is never said anew: whoever writes asks that nothing lies there", list("s3:PutObject"), once, iam.When("Null", "s3:if-none-match", "true")),
		deny("KeepReleases", "what was said of a release is evidence", list("s3:DeleteObject*"), list(b+"/*")))
	return closedBucket(site, b, statements...)
}

func artifactPolicy(site platform.Site) iam.Document {
	b := bucketARN(site, site.ArtifactBucket())
	return closedBucket(site, b, deny("OnlyTheJudgeAndThePipeline", "the step that tests a commit runs the commit's own code, and hands nothing on", list("s3:DeleteObject*", "s3:PutObject*"), list(b+"/*"),
		iam.When("ArnNotEquals", "aws:PrincipalArn", site.Role(platform.Pipeline, "service"), site.Role(platform.Pipeline, pipeline.JudgeRole))))
}

// SharedBucket closes the bucket that an administrator's stacks in a shared account go to.
func SharedBucket(p *platform.Platform, site platform.Site) iam.Policy {
	b := bucketARN(site, site.AssetBucket())
	return iam.Policy{ARN: iam.ARN(b), Kind: "AWS::S3::Bucket", Account: string(site.Account), Document: closedBucket(site, b), From: place(p, "shared.accounts."+site.Purpose)}
}

// closedBucket keeps other accounts and plain HTTP away.
func closedBucket(site platform.Site, b string, statements ...iam.Statement) iam.Document {
	statements = append(statements,
		deny("NoOtherAccount", "it is read and written from here", list("s3:*"), list(b, b+"/*"), iam.When("StringNotEquals", "aws:PrincipalAccount", string(site.Account)), iam.When("BoolIfExists", "aws:PrincipalIsAWSService", "false")),
		deny("NoPlainHTTP", "nothing is readable on the way", list("s3:*"), list(b, b+"/*"), iam.When("Bool", "aws:SecureTransport", "false")))
	for i := range statements {
		statements[i].Principals = iam.Principals{AWS: everything}
	}
	return iam.Doc(statements...)
}

// PipelineFence is the boundaries of the pipeline's account.
func PipelineFence(p *platform.Platform) iam.World {
	site := p.SharedSite(platform.Pipeline)
	artifacts, releases := bucketARN(site, site.ArtifactBucket()), bucketARN(site, site.ShelfBucket())
	logs := allow("WriteLogs", "steps of this pipeline write their own logs", list("logs:CreateLogStream", "logs:PutLogEvents"), list(site.ARN("logs", "log-group:/aws/codebuild/"+site.Named("*")+":log-stream:*")))
	take := allow("TakeArtifacts", "what steps hand on", list("s3:GetObject", "s3:GetObjectVersion"), list(artifacts+"/*"))
	shelved := allow("UseShelf", "releases and what is said of them; who writes what is in the bucket's own policy", list("s3:GetObject", "s3:ListBucket", "s3:PutObject"), list(releases, releases+"/*"))
	source := useConnection(p.Shared.Pipeline)
	use := allow("UseKeys", "which key signs for whom is in the key's own policy", list("kms:GetPublicKey", "kms:Sign", "kms:Verify"), list(site.ARN("kms", "key/*")))
	sign := allow("Sign", "which key signs for whom is in the key's own policy", list("kms:GetPublicKey", "kms:Sign"), list(site.ARN("kms", "key/*")))
	check := allow("CheckSignatures", "of who signed", list("kms:Verify"), list(site.ARN("kms", "key/*")))
	kinds := map[string]iam.Document{
		platform.Pipeline:               iam.Doc(append(serviceStatements(site, p.Shared.Pipeline), neverEscalate, neverAssume, neverInvoke)...),
		"step-" + pipeline.TestRole:     iam.Doc(logs, take, source, signInToRegistry, pushImages(site), neverEscalate, neverAssume, neverInvoke),
		"step-" + pipeline.JudgeRole:    iam.Doc(logs, take, handOn(site), shelved, source, use, neverEscalate, neverAssume, neverInvoke),
		"step-" + pipeline.EvaluateRole: iam.Doc(logs, take, shelved, source, sign, neverEscalate, neverAssume, neverInvoke),
		"step-" + pipeline.FenceRole:    iam.Doc(logs, take, source, look(site, "ReadShelf", "what lets a release in", ""), check, enters(p, "fence-assets", "fence-deploy", "lookup"), neverEscalate, neverInvoke),
		"step-" + pipeline.DeployRole:   iam.Doc(logs, take, source, shelved, check, enters(p, "assets", "deploy", "lookup"), neverEscalate, neverInvoke),
		"gate":                          iam.Doc(lambdaLogs(site), ownTraces, shelved, use, allow("AnswerApprovals", "where this pipeline waits", list("codepipeline:GetPipelineState", "codepipeline:PutApprovalResult"), list(pipelineARN(site), pipelineARN(site)+"/*")), neverEscalate, neverAssume, neverInvoke),
		"approver":                      iam.Doc(append(callGate(site), neverEscalate, neverAssume, neverInvoke)...),
	}
	var w iam.World
	for kind, document := range kinds {
		w.Policies = append(w.Policies, iam.Policy{ARN: iam.ARN(site.Boundary(kind)), Kind: "managed", Document: document, From: place(p, declaredPipeline)})
	}
	return w.Canonical()
}

// enters names a kind of bootstrap role in any environment of the platform.
func enters(p *platform.Platform, kinds ...string) iam.Statement {
	return deploys(p, p.SharedSite(platform.Pipeline), kinds...)[0]
}

// Hook is what stands beside the bootstrap of an account that only the pipeline deploys to: the
// function that CloudFormation asks before it changes a stack, and the role it asks as.
func Hook(p *platform.Platform, e platform.Environment, site platform.Site) iam.World {
	from := "environments." + e.Name + ".deploy"
	function := site.ARN("lambda", "function:"+site.HookFunction()+":"+platform.Live)
	logs := ownLogs(site, site.HookFunction())
	call := allow("AskTheHook", "CloudFormation asks the one function", list("lambda:InvokeFunction"), list(function))
	byHooks := iam.Doc(iam.Statement{Sid: "OnlyHooks", Why: "CloudFormation asks before it changes a stack", Effect: iam.Allow,
		Principals: iam.Principals{Service: list("hooks.cloudformation.amazonaws.com")}, Actions: iam.Of("sts:AssumeRole")})
	assets := bucketARN(site, site.AssetBucket())
	read := allow("ReadAssets", "what was attested, and what templates take", list("s3:GetObject"), list(assets+"/*"), inAccountOf(site))
	keys := p.SharedSite(platform.Pipeline).ARN("kms", "key/*")
	check := allow("CheckSignatures", "with the keys of the pipeline's account, by their only names", list("kms:Verify"), list(keys), iam.When("ForAnyValue:StringEquals", "kms:ResourceAliases", aliases(p)...))
	boundary := func(kind string, statements ...iam.Statement) iam.Policy {
		return iam.Policy{ARN: iam.ARN(site.Boundary(kind)), Kind: "managed", Document: iam.Doc(append(statements, neverEscalate, neverAssume)...), From: place(p, from)}
	}
	return iam.World{
		Roles: []iam.Role{
			role(p, site, site.Role("hook"), "hook", from, byLambda("OnlyLambda", "the hook's own execution role"), iam.Doc(read, check, logs, ownTraces)),
			role(p, site, site.Role("hook", "caller"), "hook-caller", from, byHooks, iam.Doc(call)),
		},
		Policies: []iam.Policy{boundary("hook", read, check, logs, ownTraces, neverInvoke), boundary("hook-caller", call, neverInvoke)},
	}.Canonical()
}

func aliases(p *platform.Platform) []string {
	site := p.SharedSite(platform.Pipeline)
	var out []string
	for _, signer := range []string{attest.Judge, attest.Gate} {
		out = append(out, iam.ARN(site.SignerAlias(signer)).Part(5))
	}
	return out
}
