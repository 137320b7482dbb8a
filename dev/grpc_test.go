package dev

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	grpcxds "google.golang.org/grpc/xds"
)

// A proxyless gRPC client reaches a service of the clusterset through a cluster's xDS server, and follows it to another cluster.
func TestAProxylessClientFailsOverToAnotherCluster(t *testing.T) {
	s := newShop(t, 50).start()
	bootstrap := fmt.Sprintf(`{"xds_servers":[{"server_uri":"%s:%d","channel_creds":[{"type":"insecure"}],"server_features":["xds_v3"]}],
		"node":{"id":"client"}}`, s.address(11), xdsPort)
	resolver, err := grpcxds.NewXDSResolverWithConfigForTesting([]byte(bootstrap))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("xds:///cart.shop.svc.clusterset.local:80",
		grpc.WithResolvers(resolver), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	answeredBy := func() string {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var header metadata.MD
		_, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}, grpc.Header(&header))
		if err != nil || len(header.Get("x-echo-cluster")) != 1 {
			t.Fatalf("call failed: %v, header %v", err, header)
		}
		return header.Get("x-echo-cluster")[0]
	}
	for range 20 {
		if got := answeredBy(); got != "west" {
			t.Fatalf("answered by %s, want west, which is nearest", got)
		}
	}
	s.must(s.f.Drain("west", true))
	s.eventually("calls go to east", func() bool { return answeredBy() == "east" })
	for range 50 {
		if got := answeredBy(); got != "east" {
			t.Fatalf("answered by %s, want east", got)
		}
	}
}
