// The templates that docs/findings.md judges: what AWS's own libraries make when they are
// told no more than they ask for. Run by test/foreign/remake, which installs them.
const { App, Stack, aws_ecr: ecr, aws_iam: iam, aws_lambda: lambda, aws_bedrockagentcore: agentcore } = require('aws-cdk-lib');
const { AgentCoreApplication, AgentCoreMcp, AgentCoreProjectSpecSchema } = require('@aws/agentcore-cdk');

const app = new App();
const stack = (name) => new Stack(app, name, { env: { account: '111122223333', region: 'us-east-1' } });

// One agent in a container, one memory, and a gateway with one function behind it.
function agentcoreCDK() {
  const spec = AgentCoreProjectSpecSchema.parse({
    name: 'notes', version: 1,
    runtimes: [{ name: 'agent', build: 'Container', entrypoint: 'main.py', codeLocation: 'app/agent/' }],
    memories: [{ name: 'notes', eventExpiryDuration: 30, strategies: [] }],
    agentCoreGateways: [{
      name: 'tools',
      targets: [{ name: 'lookup', targetType: 'lambdaFunctionArn', lambdaFunctionArn: { lambdaArn: 'arn:aws:lambda:us-east-1:111122223333:function:lookup', toolSchemaFile: 'app/tools.json' } }],
    }],
  });
  const into = stack('agentcore-cdk');
  const application = new AgentCoreApplication(into, 'Application', { spec });
  new AgentCoreMcp(into, 'Mcp', { projectName: spec.name, mcpSpec: spec, agentCoreApplication: application });
}

function gatewayL2() {
  const into = stack('gateway-l2');
  const tool = new lambda.Function(into, 'Tool', { code: lambda.Code.fromInline('exports.handler = async () => ({})'), handler: 'index.handler', runtime: lambda.Runtime.NODEJS_22_X });
  const gateway = new agentcore.Gateway(into, 'Gateway', { gatewayName: 'tools' });
  gateway.addLambdaTarget('Lookup', {
    gatewayTargetName: 'lookup', lambdaFunction: tool,
    toolSchema: agentcore.ToolSchema.fromInline([{ name: 'lookup', description: 'look up', inputSchema: { type: agentcore.SchemaDefinitionType.OBJECT, properties: {} } }]),
  });
}

function memoryAndRuntimeL2() {
  const into = stack('memory-runtime-l2');
  const reader = new iam.Role(into, 'Reader', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
  new agentcore.Memory(into, 'Memory', { memoryName: 'notes' }).grantRead(reader);
  const images = ecr.Repository.fromRepositoryName(into, 'Images', 'agent');
  new agentcore.Runtime(into, 'Runtime', { runtimeName: 'agent', agentRuntimeArtifact: agentcore.AgentRuntimeArtifact.fromEcrRepository(images, 'v1') });
}

agentcoreCDK();
gatewayL2();
memoryAndRuntimeL2();
app.synth();
