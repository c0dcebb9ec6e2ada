# Remit. `make help` lists what can be done; README.md says why.
.DEFAULT_GOAL := help
.PHONY: help test

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

test: ## run all tests
	go vet ./...
	go test ./...
