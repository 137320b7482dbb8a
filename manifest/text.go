package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// Text writes objects as one YAML stream that kubectl applies: the same bytes for the same objects.
func Text(objects []client.Object) []byte {
	var b bytes.Buffer
	for _, obj := range objects {
		b.WriteString("---\n")
		b.Write(Document(obj))
	}
	return b.Bytes()
}

// Document writes one object as YAML, with sorted keys and without what only a server fills in.
func Document(obj client.Object) []byte {
	text, err := json.Marshal(obj)
	if err != nil {
		panic(fmt.Sprintf("manifest: write %T: %v", obj, err)) // plain structs: cannot happen
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		panic(fmt.Sprintf("manifest: read back %T: %v", obj, err))
	}
	delete(fields, "status")
	bare, _ := prune(fields).(map[string]any)
	text, err = yaml.Marshal(bare)
	if err != nil {
		panic(fmt.Sprintf("manifest: write %T: %v", obj, err))
	}
	return text
}

// prune leaves out nulls, which Go writes for times that were never set.
func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if value == nil {
				delete(v, key)
				continue
			}
			v[key] = prune(value)
		}
	case []any:
		for i := range v {
			v[i] = prune(v[i])
		}
	}
	return v
}
