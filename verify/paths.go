package verify

// step is one permission a path needs. On is what it must be allowed on: any resource of the
// action's, or the role itself.
type step struct {
	action string
	on     target
}

type target uint8

const (
	some target = iota // whatever resource
	own                // the role itself
)

// path is a known way from some permissions to more.
type path struct {
	id    string
	needs []step
}

// paths are the published ones by their ids at pathfinding.cloud (read 2026-11-24; a role that
// acts on itself is told apart from one that acts on others), and after them AgentCore's, which
// follow from the service authorization reference and the AgentCore developer guide.
var paths = []path{
	{"apprunner-001", []step{{"iam:PassRole", some}, {"apprunner:CreateService", some}}},
	{"apprunner-002", []step{{"apprunner:UpdateService", some}}},
	{"bedrock-001", []step{{"iam:PassRole", some}, {"bedrock-agentcore:CreateCodeInterpreter", some}, {"bedrock-agentcore:StartCodeInterpreterSession", some}, {"bedrock-agentcore:InvokeCodeInterpreter", some}}},
	{"bedrock-002", []step{{"bedrock-agentcore:StartCodeInterpreterSession", some}, {"bedrock-agentcore:InvokeCodeInterpreter", some}}},
	{"cloudformation-001", []step{{"iam:PassRole", some}, {"cloudformation:CreateStack", some}}},
	{"cloudformation-002", []step{{"cloudformation:UpdateStack", some}}},
	{"cloudformation-003", []step{{"iam:PassRole", some}, {"cloudformation:CreateStackSet", some}, {"cloudformation:CreateStackInstances", some}}},
	{"cloudformation-004", []step{{"iam:PassRole", some}, {"cloudformation:UpdateStackSet", some}}},
	{"cloudformation-005", []step{{"cloudformation:CreateChangeSet", some}, {"cloudformation:ExecuteChangeSet", some}}},
	{"codebuild-001", []step{{"iam:PassRole", some}, {"codebuild:CreateProject", some}, {"codebuild:StartBuild", some}}},
	{"codebuild-002", []step{{"codebuild:StartBuild", some}}},
	{"codebuild-003", []step{{"codebuild:StartBuildBatch", some}}},
	{"codebuild-004", []step{{"iam:PassRole", some}, {"codebuild:CreateProject", some}, {"codebuild:StartBuildBatch", some}}},
	{"datapipeline-001", []step{{"iam:PassRole", some}, {"datapipeline:CreatePipeline", some}, {"datapipeline:PutPipelineDefinition", some}, {"datapipeline:ActivatePipeline", some}}},
	{"ec2-001", []step{{"iam:PassRole", some}, {"ec2:RunInstances", some}}},
	{"ec2-002", []step{{"ec2:ModifyInstanceAttribute", some}, {"ec2:StopInstances", some}, {"ec2:StartInstances", some}}},
	{"ec2-003", []step{{"iam:PassRole", some}, {"ec2:RequestSpotInstances", some}}},
	{"ec2-004", []step{{"ec2:CreateLaunchTemplateVersion", some}, {"ec2:ModifyLaunchTemplate", some}}},
	{"ec2instanceconnect-003", []step{{"ec2-instance-connect:SendSSHPublicKey", some}, {"ec2:DescribeInstances", some}}},
	{"ecs-001", []step{{"iam:PassRole", some}, {"ecs:CreateCluster", some}, {"ecs:RegisterTaskDefinition", some}, {"ecs:CreateService", some}}},
	{"ecs-002", []step{{"iam:PassRole", some}, {"ecs:CreateCluster", some}, {"ecs:RegisterTaskDefinition", some}, {"ecs:RunTask", some}}},
	{"ecs-003", []step{{"iam:PassRole", some}, {"ecs:RegisterTaskDefinition", some}, {"ecs:CreateService", some}}},
	{"ecs-004", []step{{"iam:PassRole", some}, {"ecs:RegisterTaskDefinition", some}, {"ecs:RunTask", some}}},
	{"ecs-005", []step{{"iam:PassRole", some}, {"ecs:RegisterTaskDefinition", some}, {"ecs:StartTask", some}}},
	{"glue-001", []step{{"iam:PassRole", some}, {"glue:CreateDevEndpoint", some}}},
	{"glue-002", []step{{"glue:UpdateDevEndpoint", some}}},
	{"glue-003", []step{{"iam:PassRole", some}, {"glue:CreateJob", some}, {"glue:StartJobRun", some}}},
	{"glue-004", []step{{"iam:PassRole", some}, {"glue:CreateJob", some}, {"glue:CreateTrigger", some}}},
	{"glue-005", []step{{"iam:PassRole", some}, {"glue:UpdateJob", some}, {"glue:StartJobRun", some}}},
	{"glue-006", []step{{"iam:PassRole", some}, {"glue:UpdateJob", some}, {"glue:CreateTrigger", some}}},
	{"iam-001", []step{{"iam:CreatePolicyVersion", some}}},
	{"iam-002", []step{{"iam:CreateAccessKey", some}}},
	{"iam-003", []step{{"iam:CreateAccessKey", some}, {"iam:DeleteAccessKey", some}}},
	{"iam-004", []step{{"iam:CreateLoginProfile", some}}},
	{"iam-005", []step{{"iam:PutRolePolicy", own}}},
	{"iam-006", []step{{"iam:UpdateLoginProfile", some}}},
	{"iam-007", []step{{"iam:PutUserPolicy", some}}},
	{"iam-008", []step{{"iam:AttachUserPolicy", some}}},
	{"iam-009", []step{{"iam:AttachRolePolicy", own}}},
	{"iam-010", []step{{"iam:AttachGroupPolicy", some}}},
	{"iam-011", []step{{"iam:PutGroupPolicy", some}}},
	{"iam-012", []step{{"iam:UpdateAssumeRolePolicy", some}}},
	{"iam-013", []step{{"iam:AddUserToGroup", some}}},
	{"iam-014", []step{{"iam:AttachRolePolicy", some}, {"sts:AssumeRole", some}}},
	{"iam-015", []step{{"iam:AttachUserPolicy", some}, {"iam:CreateAccessKey", some}}},
	{"iam-016", []step{{"iam:CreatePolicyVersion", some}, {"sts:AssumeRole", some}}},
	{"iam-017", []step{{"iam:PutRolePolicy", some}, {"sts:AssumeRole", some}}},
	{"iam-018", []step{{"iam:PutUserPolicy", some}, {"iam:CreateAccessKey", some}}},
	{"iam-019", []step{{"iam:AttachRolePolicy", some}, {"iam:UpdateAssumeRolePolicy", some}}},
	{"iam-020", []step{{"iam:CreatePolicyVersion", some}, {"iam:UpdateAssumeRolePolicy", some}}},
	{"iam-021", []step{{"iam:PutRolePolicy", some}, {"iam:UpdateAssumeRolePolicy", some}}},
	{"lambda-001", []step{{"iam:PassRole", some}, {"lambda:CreateFunction", some}, {"lambda:InvokeFunction", some}}},
	{"lambda-002", []step{{"iam:PassRole", some}, {"lambda:CreateFunction", some}, {"lambda:CreateEventSourceMapping", some}}},
	{"lambda-003", []step{{"lambda:UpdateFunctionCode", some}}},
	{"lambda-004", []step{{"lambda:UpdateFunctionCode", some}, {"lambda:InvokeFunction", some}}},
	{"lambda-005", []step{{"lambda:UpdateFunctionCode", some}, {"lambda:AddPermission", some}}},
	{"lambda-006", []step{{"iam:PassRole", some}, {"lambda:CreateFunction", some}, {"lambda:AddPermission", some}}},
	{"sagemaker-001", []step{{"iam:PassRole", some}, {"sagemaker:CreateNotebookInstance", some}}},
	{"sagemaker-002", []step{{"iam:PassRole", some}, {"sagemaker:CreateTrainingJob", some}}},
	{"sagemaker-003", []step{{"iam:PassRole", some}, {"sagemaker:CreateProcessingJob", some}}},
	{"sagemaker-004", []step{{"sagemaker:CreatePresignedNotebookInstanceUrl", some}}},
	{"sagemaker-005", []step{{"sagemaker:CreateNotebookInstanceLifecycleConfig", some}, {"sagemaker:StopNotebookInstance", some}, {"sagemaker:UpdateNotebookInstance", some}, {"sagemaker:StartNotebookInstance", some}}},
	{"ssm-001", []step{{"ssm:StartSession", some}}},
	{"ssm-002", []step{{"ssm:SendCommand", some}}},
	{"sts-001", []step{{"sts:AssumeRole", some}}},
	{"agentcore-runtime", []step{{"iam:PassRole", some}, {"bedrock-agentcore:CreateAgentRuntime", some}}},
	{"agentcore-browser", []step{{"iam:PassRole", some}, {"bedrock-agentcore:CreateBrowser", some}}},
	{"agentcore-gateway", []step{{"iam:PassRole", some}, {"bedrock-agentcore:CreateGateway", some}}},
	{"agentcore-memory", []step{{"iam:PassRole", some}, {"bedrock-agentcore:CreateMemory", some}}},
	{"agentcore-update-runtime", []step{{"iam:PassRole", some}, {"bedrock-agentcore:UpdateAgentRuntime", some}}},
	{"agentcore-shell", []step{{"bedrock-agentcore:InvokeAgentRuntimeCommand", some}}},
	{"agentcore-state-user", []step{{"bedrock-agentcore:InvokeAgentRuntimeForUser", some}}},
	{"agentcore-token-for-user", []step{{"bedrock-agentcore:GetWorkloadAccessTokenForUserId", some}}},
	{"agentcore-loosen-gateway", []step{{"bedrock-agentcore:UpdateGateway", some}}},
	{"agentcore-retarget", []step{{"bedrock-agentcore:UpdateGatewayTarget", some}}},
	{"agentcore-new-target", []step{{"bedrock-agentcore:CreateGatewayTarget", some}}},
	{"agentcore-rewrite-policy", []step{{"bedrock-agentcore:UpdatePolicy", some}}},
	{"agentcore-drop-policy", []step{{"bedrock-agentcore:DeletePolicy", some}}},
	{"agentcore-drop-engine", []step{{"bedrock-agentcore:DeletePolicyEngine", some}}},
	{"agentcore-admin-policy", []step{{"bedrock-agentcore:ManageAdminPolicy", some}}},
	{"agentcore-rewrite-prompt", []step{{"bedrock-agentcore:UpdateConfigurationBundle", some}}},
	{"agentcore-token-vault-key", []step{{"bedrock-agentcore:SetTokenVaultCMK", some}}},
	{"authorizer-configuration", []step{{"lambda:UpdateFunctionConfiguration", some}}},
	{"authorizer-event-source", []step{{"lambda:CreateEventSourceMapping", some}}},
	{"image-after-approval", []step{{"ecr:PutImage", some}}},
	{"open-table", []step{{"dynamodb:PutResourcePolicy", some}}},
	{"open-key", []step{{"kms:PutKeyPolicy", some}}},
	{"open-bucket", []step{{"s3:PutBucketPolicy", some}}},
	{"open-secret", []step{{"secretsmanager:PutResourcePolicy", some}}},
	{"open-logs", []step{{"logs:PutResourcePolicy", some}}},
	{"open-function", []step{{"lambda:AddPermission", some}}},
}
