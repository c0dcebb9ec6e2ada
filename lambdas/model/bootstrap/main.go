// Command bootstrap is a lane's broker as a Lambda function behind a function URL, whose
// answers stream.
package main

import (
	_ "time/tzdata" // provided.al2023 has no zone information, and a day needs one

	"github.com/aws/aws-lambda-go/lambdaurl"

	"remit/lambdas/environ"
	"remit/lambdas/role"
)

func main() {
	lambdaurl.Start(environ.Or(newBroker(role.Config())).Handler())
}
