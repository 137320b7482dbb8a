package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/test/lab"
)

func TestAnExportIsImportedWhereverItsNamespaceExists(t *testing.T) {
	s := tell(t, "west", "east")
	s.west.offers("cart", 2)
	s.west.exports("cart")
	s.west.says("cart", mcsv1beta1.ServiceExportConditionValid, "True Valid")
	s.west.says("cart", mcsv1beta1.ServiceExportConditionConflict, "False NoConflicts")
	for _, p := range []*place{s.west, s.east} {
		p.sees("cart", "ClusterSetIP http:80/TCP from west 2/2")
	}

	s.north.opens(s.namespace)
	took := s.north.sees("cart", "ClusterSetIP http:80/TCP from west 2/2")
	t.Logf("a namespace that appears has its imports after %s", took)
}

func TestImportsGoWithTheirNamespaceAndNothingElseGoes(t *testing.T) {
	s := tell(t)
	s.west.offers("cart", 1)
	s.west.exports("cart")
	for _, p := range s.everywhere() {
		p.sees("cart", "ClusterSetIP http:80/TCP from west 1/1")
	}
	s.east.removes(lab.Namespace(s.namespace))
	s.eventually("the namespace is gone", func(ctx context.Context) error {
		ns := lab.Namespace(s.namespace)
		if err := s.east.Get(ctx, clientKey(ns), ns); err == nil {
			return fmt.Errorf("it is %s", ns.Status.Phase)
		}
		return nil
	})
	s.holds(2*time.Second, "the others keep it", func(ctx context.Context) error {
		return s.north.mustShow(ctx, "cart", "ClusterSetIP http:80/TCP from west 1/1")
	})
}

func TestAnUnexportIsObeyedEverywhere(t *testing.T) {
	s := tell(t)
	for _, p := range []*place{s.west, s.east} {
		p.offers("cart", 1)
		p.exports("cart")
	}
	s.north.sees("cart", "ClusterSetIP http:80/TCP from east 1/1, west 1/1")
	s.west.unexports("cart")
	for _, p := range s.everywhere() {
		p.sees("cart", "ClusterSetIP http:80/TCP from east 1/1")
	}
	s.east.unexports("cart")
	for _, p := range s.everywhere() {
		p.sees("cart", nothing)
		s.eventually("the derived Service goes too", func(ctx context.Context) error {
			if _, err := p.derived(ctx, "cart"); err == nil {
				return fmt.Errorf("it is still in %s", p.Name)
			}
			return nil
		})
	}
}

func TestAnExportWithoutAServiceSaysSo(t *testing.T) {
	s := tell(t)
	s.west.exports("cart")
	s.west.says("cart", mcsv1beta1.ServiceExportConditionValid, "False NoService")
	s.west.offers("cart", 1)
	s.west.says("cart", mcsv1beta1.ServiceExportConditionValid, "True Valid")
	s.east.sees("cart", "ClusterSetIP http:80/TCP from west 1/1")
}

func TestAnExternalNameIsNotExported(t *testing.T) {
	s := tell(t)
	service := lab.Service(s.namespace, "cart")
	service.Spec = corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "shop.example"}
	s.west.makes(service)
	s.west.exports("cart")
	s.west.says("cart", mcsv1beta1.ServiceExportConditionValid, "False InvalidServiceType")
	s.holds(time.Second, "nobody imports it", func(ctx context.Context) error { return s.east.mustShow(ctx, "cart", nothing) })
}

func TestAServiceThatVanishesTakesItsEndpointsAlong(t *testing.T) {
	s := tell(t)
	s.west.offers("cart", 1)
	s.west.exports("cart")
	s.east.sees("cart", "ClusterSetIP http:80/TCP from west 1/1")
	s.west.removes(lab.Service(s.namespace, "cart"))
	s.west.says("cart", mcsv1beta1.ServiceExportConditionValid, "False NoService")
	s.east.sees("cart", nothing)
}

func TestEndpointsFollow(t *testing.T) {
	s := tell(t)
	s.west.offers("cart", 3)
	s.west.exports("cart")
	s.east.sees("cart", "ClusterSetIP http:80/TCP from west 3/3")
	slice := lab.Slice(s.namespace, "cart", "cart-1")
	edit(s.west, slice, func(*sliceOf) { slice.Endpoints[1].Conditions.Ready = new(bool) })
	s.east.sees("cart", "ClusterSetIP http:80/TCP from west 2/3")
	edit(s.west, slice, func(*sliceOf) { slice.Endpoints = slice.Endpoints[:1] })
	s.east.sees("cart", "ClusterSetIP http:80/TCP from west 1/1")
	s.west.makes(lab.Slice(s.namespace, "cart", "cart-2", s.west.addresses(9)[5:]...))
	s.east.sees("cart", "ClusterSetIP http:80/TCP from west 5/5")
	s.west.removes(lab.Slice(s.namespace, "cart", "cart-2"))
	s.east.sees("cart", "ClusterSetIP http:80/TCP from west 1/1")
}

func TestNewConnectionsReachThePodsOfAllExporters(t *testing.T) {
	s := tell(t)
	s.west.runs("cart", 2)
	s.east.runs("cart", 1)
	s.west.exports("cart")
	for _, p := range s.everywhere() {
		p.reaches("cart", 80, "west")
	}
	s.east.exports("cart")
	for _, p := range s.everywhere() {
		p.reaches("cart", 80, "east", "west")
	}
	s.west.unexports("cart")
	for _, p := range s.everywhere() {
		p.reaches("cart", 80, "east")
	}
}
