package scenario

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
)

// ws opens a WebSocket, sends a text and prints who answered and what came back:
//
//	ws [-H 'Host: shop.example'] ws://127.0.0.100:8080/cart/echo/ws hello
func ws(w world, args []string) error {
	header := http.Header{}
	if len(args) == 4 && args[0] == "-H" {
		name, value, _ := strings.Cut(args[1], ":")
		header.Set(name, strings.TrimSpace(value))
		args = args[2:]
	}
	if len(args) != 2 {
		return fmt.Errorf("%w: ws [-H 'NAME: VALUE'] URL TEXT", errUsage)
	}
	dialer := websocket.Dialer{HandshakeTimeout: httpTimeout}
	conn, resp, err := dialer.Dial(args[0], header)
	if err != nil {
		return fmt.Errorf("open the WebSocket: %w", err)
	}
	defer conn.Close()
	defer resp.Body.Close()
	conn.SetReadDeadline(time.Now().Add(httpTimeout))
	if err := conn.WriteMessage(websocket.TextMessage, []byte(args[1])); err != nil {
		return err
	}
	_, text, err := conn.ReadMessage()
	if err != nil {
		return err
	}
	fmt.Fprintf(w.out, "%d %s %s\n", resp.StatusCode, cluster(resp), text)
	return nil
}

// grpcHealth asks the gRPC health service behind an address and prints its answer with the cluster that gave it:
//
//	grpc 127.0.0.100:8080 grpc.shop.example
func grpcHealth(w world, args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("%w: grpc ADDR AUTHORITY", errUsage)
	}
	conn, err := grpc.NewClient("passthrough:///"+args[0],
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority(args[1]))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), httpTimeout)
	defer cancel()
	var header metadata.MD
	reply, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{}, grpc.Header(&header))
	if err != nil {
		return fmt.Errorf("check the health of %s: %w", args[1], err)
	}
	from := cmp.Or(strings.Join(header.Get("x-echo-cluster"), ","), "-")
	fmt.Fprintf(w.out, "%s %s\n", reply.Status, from)
	return nil
}
