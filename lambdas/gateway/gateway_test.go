package gateway

import (
	"context"
	"strings"
	"testing"
)

func TestTheZeroGatewayDeniesOnBothSides(t *testing.T) {
	var g Gateway
	for side, reply := range map[string]Reply{"request": g.Request(context.Background(), Event{}), "response": g.Response(context.Background(), Event{})} {
		if !strings.Contains(string(reply.MCP), `"error"`) || strings.Contains(string(reply.MCP), "transformedGatewayRequest") {
			t.Errorf("%s: let through: %s", side, reply.MCP)
		}
	}
}
