module remit

go 1.26

require (
	github.com/google/jsonschema-go v0.4.3
	github.com/theory/jsonpath v0.10.2
	go.yaml.in/yaml/v3 v3.0.6
	pgregory.net/rapid v1.2.0
)
