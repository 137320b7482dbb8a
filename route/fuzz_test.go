package route

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"
)

// seeds are the objects of all scenarios.
func seeds(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, doc := range bytes.Split(txtar.Parse(data).Files[0].Data, []byte("\n---\n")) {
			f.Add(doc)
		}
	}
}

func FuzzAttach(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, doc []byte) {
		r := &gatewayv1.HTTPRoute{}
		if yaml.Unmarshal(doc, r) != nil {
			return
		}
		gw := &gatewayv1.Gateway{Spec: gatewayv1.GatewaySpec{
			GatewayClassName: ClassName,
			Listeners:        []gatewayv1.Listener{{Name: "http", Port: 80, Protocol: gatewayv1.HTTPProtocolType}},
		}}
		a := Attach(&wild{gateway: gw}, r)
		for _, p := range a.Parts {
			Host(p.Host, p.Listener, a.Parts)
		}
	})
}

func FuzzGateway(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, doc []byte) {
		gw := &gatewayv1.Gateway{}
		if yaml.Unmarshal(doc, gw) != nil {
			return
		}
		Gateway(&wild{gateway: gw}, gw, defaults)
		Claims(gw, defaults)
	})
}
