package folder

import "testing"

func TestReadFile(t *testing.T) {
	objects, problems := ReadFile("new.yaml", []byte(`
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec:
  ports: [{port: 99999}]
`))
	if len(objects) != 1 || objects[0].Ref().String() != "Namespace shop" {
		t.Errorf("got the objects %v", objects)
	}
	if len(problems) != 1 || problems[0].Where() != "new.yaml:10" {
		t.Errorf("got the problems %v", problems)
	}
}
