package serve

import (
	"context"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	grpcxds "google.golang.org/grpc/xds"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/xds"
)

// backend runs a real gRPC health service that says in its header which cluster it stands in.
func backend(t *testing.T, cluster string) (address string, stop func()) {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		_ = grpc.SetHeader(ctx, metadata.Pairs("cluster", cluster))
		return next(ctx, req)
	}))
	healthpb.RegisterHealthServer(s, health.NewServer())
	go func() { _ = s.Serve(lis) }()
	t.Cleanup(s.Stop)
	return lis.Addr().String(), s.Stop
}

// dial reaches a service by name, through grpc-go's own xDS client.
func dial(t *testing.T, control, target string) healthpb.HealthClient {
	t.Helper()
	bootstrap := fmt.Sprintf(`{"xds_servers":[{"server_uri":%q,"channel_creds":[{"type":"insecure"}],"server_features":["xds_v3"]}],
		"node":{"id":"client"}}`, control)
	resolver, err := grpcxds.NewXDSResolverWithConfigForTesting([]byte(bootstrap))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("xds:///"+target, grpc.WithResolvers(resolver), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return healthpb.NewHealthClient(conn)
}

// check makes one call and returns the cluster that answered.
func check(t *testing.T, c healthpb.HealthClient) (cluster string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var header metadata.MD
	if _, err := c.Check(ctx, &healthpb.HealthCheckRequest{}, grpc.Header(&header)); err != nil {
		return "", err
	}
	return header.Get("cluster")[0], nil
}

func startTCP(t *testing.T) (*bench, string) {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return start(t, lis), lis.Addr().String()
}

func TestAGRPCClientFailsOverWithoutAFailedCall(t *testing.T) {
	west, stopWest := backend(t, "west")
	east, _ := backend(t, "east")
	b, control := startTCP(t)
	b.update(b.group("cart", tier("west", fleet.Healthy, west), tier("east", fleet.Healthy, east)))
	client := dial(t, control, "cart.shop.svc.clusterset.local:80")

	for range 20 {
		if cluster, err := check(t, client); err != nil || cluster != "west" {
			t.Fatalf("answered by %q: %v", cluster, err)
		}
	}

	b.update(b.group("cart", tier("east", fleet.Healthy, east), tier("lost", fleet.LostTarget, west)))
	failed, switched := 0, false
	for deadline := time.Now().Add(patience); time.Now().Before(deadline) && !switched; {
		cluster, err := check(t, client)
		if err != nil {
			failed++
		}
		switched = cluster == "east"
	}
	if !switched {
		t.Fatal("calls never went to east")
	}
	stopWest() // what was lost does not answer either
	for range 200 {
		if cluster, err := check(t, client); err != nil || cluster != "east" {
			failed++
			t.Logf("answered by %q: %v", cluster, err)
		}
	}
	b.update(b.server(), b.host("a.example", 200)) // nothing to a gRPC client
	eventually(t, "the client is current", func() bool { return b.Clients()[0].Current })
	if failed > 0 {
		t.Errorf("%d calls failed", failed)
	}
	for _, c := range b.Clients() {
		if c.Rendering != xds.GRPC || c.Protocol != World {
			t.Errorf("client: %+v", c)
		}
		for _, r := range c.Types {
			if r.Refused > 0 {
				t.Errorf("refused: %+v", r)
			}
		}
	}
}

func TestAGRPCClientKeepsCallingWhileEverythingChanges(t *testing.T) {
	west, _ := backend(t, "west")
	east, _ := backend(t, "east")
	b, control := startTCP(t)
	pictures := [][]fleet.Tier{
		{tier("west", fleet.Healthy, west)},
		{tier("west", fleet.Healthy, west), tier("east", fleet.Healthy, east)},
		{tier("east", fleet.Healthy, east), tier("lost", fleet.LostTarget, west)},
		{tier("west", fleet.Unready, west), tier("east", fleet.Healthy, east)},
		{tier("west", fleet.Draining, west), tier("rest", fleet.Healthy, east)},
	}
	b.update(b.group("cart", pictures[0]...))
	client := dial(t, control, "cart.shop.svc.clusterset.local:80")
	for i := range 150 {
		b.update(b.group("cart", pictures[i%len(pictures)]...), b.group(fmt.Sprint("other-", i)))
		for range 3 {
			if cluster, err := check(t, client); err != nil {
				t.Fatalf("after %d changes, answered by %q: %v", i, cluster, err)
			}
		}
	}
}

func TestGRPCClientsTakeEveryKindOfGroup(t *testing.T) {
	west, _ := backend(t, "west")
	b, control := startTCP(t)
	affine := b.group("cart", tier("west", fleet.Healthy, west), tier("lost", fleet.LostTarget, "127.0.0.1:1"))
	for _, g := range b.world.groups {
		g.SessionAffinity, g.AppProtocol = "ClientIP", "kubernetes.io/h2c"
	}
	local := fleet.GroupID{Kind: fleet.Local, Service: fleet.Name{Namespace: "shop", Name: "web"}, Port: 8080}
	b.world.groups[local] = &fleet.Group{ID: local, Protocol: fleet.TCP, Tiers: []fleet.Tier{tier("west", fleet.Healthy, west)}}
	b.update(affine, picture.Key{Kind: picture.KindGroup, Path: local.String()})
	for _, target := range []string{"cart.shop.svc.clusterset.local:80", "web.shop.svc.cluster.local:8080"} {
		if cluster, err := check(t, dial(t, control, target)); err != nil || cluster != "west" {
			t.Errorf("%s is answered by %q: %v", target, cluster, err)
		}
	}

	// A name that nobody has yet: gRPC clients wait a while, and are answered as soon as somebody has it.
	late := dial(t, control, "late.shop.svc.clusterset.local:80")
	answer := make(chan error, 1)
	go func() {
		_, err := late.Check(t.Context(), &healthpb.HealthCheckRequest{})
		answer <- err
	}()
	eventually(t, "late is asked for", func() bool {
		return slices.ContainsFunc(b.Clients(), func(c Client) bool {
			return slices.ContainsFunc(c.Types, func(r Report) bool { return r.TypeURL == xds.ListenerType && r.Resources == 0 && r.Sent > 0 })
		})
	})
	b.update(b.group("late", tier("west", fleet.Healthy, west)))
	select {
	case err := <-answer:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("late is served, and not answered")
	}
}
