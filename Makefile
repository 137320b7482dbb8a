# make test is all that most changes need; .ci/run is what guards main.
FUZZTIME ?= 30s

.PHONY: build test race lint generate fuzz bench update

build: ## the two binaries, in bin/
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/fairlead ./cmd/fairlead-proxy

test: ## all tests: properties, real sockets, scenarios
	go test ./...

race: ## the same under the race detector
	go test -race ./...

lint:
	go vet ./...
	go tool staticcheck ./...

generate: ## deepcopy functions of the API kinds
	go tool controller-gen object paths=./api/...

fuzz: ## each fuzz target for FUZZTIME
	@go list -f '{{.ImportPath}} {{.Dir}}' ./... | while read -r pkg dir; do \
		grep -ohE '^func (Fuzz[A-Za-z0-9_]+)' $$dir/*_test.go 2>/dev/null | cut -d' ' -f2 | while read -r target; do \
			echo "fuzz $$pkg $$target"; \
			go test $$pkg -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) || exit 1; \
		done || exit 1; \
	done

bench: ## what one change costs at 100 and at 10,000, and the rest
	go test -run '^$$' -bench . -benchmem ./mcs ./balance ./picture ./match ./xds ./dns ./proxy

update: ## rewrite the expected output of the scenarios
	go test ./internal/scenario -update
