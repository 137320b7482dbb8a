# make test is all that most changes need; .ci/run is what guards main.
FUZZTIME ?= 30s

.PHONY: clusters clusters-down build test race lint generate images fuzz bench update

build: ## the two binaries, in bin/
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/fairlead ./cmd/fairlead-proxy

test: ## all tests: properties, real sockets, scenarios
	go test ./...

race: ## the same under the race detector, one package after the other: it is slow enough by itself
	go build -race ./...
	go test -race -p 1 ./...

lint:
	go vet ./...
	go tool staticcheck ./...

generate: ## deepcopy functions and definitions of the API kinds, and the Helm chart
	go tool controller-gen object paths=./api/...
	go tool controller-gen crd paths=./api/... output:crd:dir=manifest/crds
	install -m 644 "$$(go list -m -f '{{.Dir}}' sigs.k8s.io/cluster-inventory-api)"/config/crd/bases/multicluster.x-k8s.io_clusterprofiles.yaml manifest/crds/
	go run ./manifest/chart charts/fairlead

ARCH ?= amd64,arm64

images: ## what runs in clusters, as archives in bin/images, for ARCH
	cd hack/images && go run . -arch $(ARCH)

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

# real Kubernetes clusters on this machine: see hack/clusters/README.md
N ?= 2
NODES ?= 1
clusters: ## start N real clusters (2), NETWORK=flat|separate OVERLAP=1 IP=ipv4|ipv6|dual PROVIDER=kind
	@go run -C hack/clusters . up -n $(N) --nodes $(NODES) $(if $(NETWORK),--network $(NETWORK)) $(if $(OVERLAP),--overlap) $(if $(IP),--ip $(IP)) $(if $(PROVIDER),--provider $(PROVIDER))

clusters-down: ## stop them and leave nothing behind
	@go run -C hack/clusters . down

# what needs real clusters: each target finds them up, or starts them and takes them down again (see test/with-clusters)
.PHONY: e2e conformance bench-propagation bench-fleet bench-scale soak

e2e: ## the stories of test/e2e, on three real clusters
	test/with-clusters 3 go test -count=1 -v -timeout=45m ./test/e2e $(E2E)

soak: ## a thousand random faults
	test/with-clusters 3 go test -count=1 -v -timeout=6h -run=TestRandomFaults ./test/e2e -faults=1000

# the upstream suite is no Go module that can be fetched: SUITE is a checkout of kubernetes-sigs/mcs-api
conformance: ## the suite of the MCS API, on two clusters and on three; reports go to docs/conformance
	@test -d "$(SUITE)/conformance" || { echo "say where kubernetes-sigs/mcs-api is checked out: make conformance SUITE=../mcs-api"; exit 1; }
	go -C "$(SUITE)/conformance" test -c -o $(CURDIR)/bin/mcs-conformance .
	test/with-clusters 3 test/conformance

bench-propagation: ## from an endpoint in one cluster's API to another cluster's slice, and to the first connection
	test/with-clusters 2 go run ./test/bench/propagation

bench-fleet: ## one real hub and one real agent among 250 mocked members
	go run ./test/bench/fleet

bench-scale: ## 10,000 services exported from one cluster and imported in another
	go run ./test/bench/scale
