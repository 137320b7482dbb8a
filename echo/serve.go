package echo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
)

// Server answers on one listener.
type Server struct {
	http    *http.Server
	rpc     *grpc.Server
	health  *health.Server
	handler *handler
	serving sync.WaitGroup // the accept loop
	err     error          // of the accept loop
}

// Serve answers on the listener as the identity, until Close. It returns at once and owns the listener.
func Serve(l net.Listener, id Identity) *Server {
	s := &Server{handler: newHandler(id), health: health.NewServer()}
	s.rpc = grpc.NewServer(grpc.UnaryInterceptor(s.unary), grpc.StreamInterceptor(s.stream))
	healthpb.RegisterHealthServer(s.rpc, s.health)

	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	s.http = &http.Server{
		Handler: http.HandlerFunc(s.dispatch), Protocols: &protocols, ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: log.New(io.Discard, "", 0), // what clients do wrong is theirs to see
	}
	s.serving.Go(func() {
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.err = err
		}
	})
	return s
}

// dispatch hands gRPC to grpc-go and the rest to the handler.
func (s *Server) dispatch(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		s.rpc.ServeHTTP(w, r)
		return
	}
	s.handler.ServeHTTP(w, r)
}

// Close ends gracefully: nothing new is accepted, what is under way is finished, streams without an end are ended. When ctx is done
// first, what is left is cut off. It returns what went wrong since Serve, and may be called more than once.
func (s *Server) Close(ctx context.Context) error {
	s.health.Shutdown()
	s.handler.close()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = fmt.Errorf("end echo server of pod %s: %w", s.handler.id.Pod, errors.Join(err, s.http.Close()))
	}
	s.rpc.Stop()
	s.serving.Wait()
	s.handler.sockets.Wait() // Shutdown does not wait for upgraded connections
	return errors.Join(err, s.err)
}

func (s *Server) metadata() metadata.MD {
	return metadata.Pairs(HeaderCluster, s.handler.id.Cluster, HeaderPod, s.handler.id.Pod)
}

func (s *Server) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if err := grpc.SetHeader(ctx, s.metadata()); err != nil {
		return nil, err
	}
	return next(ctx, req)
}

// stream adds the identity and ends health watches with the server.
func (s *Server) stream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if err := stream.SetHeader(s.metadata()); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	go func() {
		select {
		case <-ctx.Done():
		case <-s.handler.closing:
			cancel()
		}
	}()
	return next(srv, endable{stream, ctx})
}

// endable is a stream whose context the server can end.
type endable struct {
	grpc.ServerStream
	ctx context.Context
}

// Context returns the context that ends with the server.
func (e endable) Context() context.Context { return e.ctx }
